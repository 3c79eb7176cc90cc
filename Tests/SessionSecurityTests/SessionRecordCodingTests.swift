import Testing

@testable import SessionSecurity

@Suite("The binary form of a session record")
struct SessionRecordCodingTests {
    private static func record() -> SessionRecord {
        var generator = SeededRandom(seed: 21)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let fingerprint = Fingerprint(of: ClientTraits([Array("10.0.0.1".utf8), nil]), keys: keys)
        var tracking = SessionTracking(boundTo: fingerprint, at: Timestamp(nanosecondsSinceEpoch: -5), using: &generator)
        tracking.position = .max
        tracking.nonceIssuedAt = .distantPast
        tracking.secondKey = SecondKey(using: &generator)
        var record = SessionRecord(createdAt: .distantFuture, tracking: tracking, lifetime: 0)
        record.user = SessionUser(name: "ann\0é", loggedInAt: Timestamp(secondsSinceEpoch: 12))
        record.values[[]] = []
        record.values[Array("K".utf8)] = Array(repeating: 7, count: 70_000)
        record.values[Array("\u{212A}".utf8)] = [8]
        return record
    }

    @Test("comes back as it was, look-alike names apart")
    func roundTrip() throws {
        let record = Self.record()
        #expect(SessionRecord(decoding: record.encoded()) == record)
        #expect(record.values.entries.count == 3)
        let empty = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1))
        #expect(SessionRecord(decoding: empty.encoded()) == empty)
    }

    @Test("is refused when it is cut anywhere inside a section, or of another version")
    func cuts() {
        let bytes = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1), lifetime: 3).encoded()
        #expect(SessionRecord(decoding: []) == nil)
        #expect(SessionRecord(decoding: [2] + bytes.dropFirst()) == nil)
        var complete: [Int] = []
        for count in 1...bytes.count where SessionRecord(decoding: Array(bytes[..<count])) != nil { complete.append(count) }
        // Only between sections: after the version, after the times, after the lifetime.
        #expect(complete == [1, 14, 27])
    }

    @Test("survives every single bit flip without a trap, whatever comes out")
    func flips() {
        let bytes = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1), tracking: Self.record().tracking, lifetime: 3).encoded()
        var different = 0
        let original = SessionRecord(decoding: bytes)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                if SessionRecord(decoding: changed) != original { different += 1 }
            }
        }
        #expect(different > bytes.count * 7)
    }

    @Test("keeps all but the section it does not know")
    func unknownSection() {
        var bytes = Self.record().encoded()
        bytes += [99, 0, 0, 0, 2, 1, 1]
        #expect(SessionRecord(decoding: bytes) == Self.record())
    }
}
