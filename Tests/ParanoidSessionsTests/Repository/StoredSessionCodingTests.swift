import ParanoidSessions
import Testing

@Suite("The head of a stored session")
struct StoredSessionCodingTests {
    private let session = StoredSession(
        state: .ended,
        protection: .sealed,
        secretNumber: 200,
        handle: SessionHandle("0123456789abcdef")!,
        epoch: .max - 7,
        loginEpoch: .max - 8,
        generation: .max - 1,
        createdAt: Timestamp(nanosecondsSinceEpoch: -1),
        writtenAt: Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_001),
        expiresAt: .distantFuture,
        userTag: UserTag(bytes: Array(1...16)),
        payload: [9, 9, 9]
    )

    private func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        self.session.encodeHead(into: &bytes)
        return bytes
    }

    private func decode(_ bytes: [UInt8]) -> (head: StoredSession, payloadByteCount: Int)? {
        unsafe bytes.withUnsafeBytes { buffer in unsafe StoredSession.decodeHead(buffer) }
    }

    @Test("the opaque form gives the session again, and other bytes give none")
    func opaqueForm() {
        let bytes = self.session.encoded
        #expect(StoredSession(encoded: bytes) == self.session)
        #expect(StoredSession(encoded: bytes + [0]) == nil)
        #expect(StoredSession(encoded: bytes.dropLast()) == nil)
        #expect(StoredSession(encoded: []) == nil)
    }

    @Test("is 96 bytes and comes back as it was")
    func roundTrip() throws {
        let bytes = self.encoded()
        #expect(bytes.count == StoredSession.headByteCount)
        let (head, count) = try #require(self.decode(bytes))
        var expected = self.session
        expected.payload = []
        #expect(head == expected)
        #expect(count == 3)
    }

    @Test("in version 2, which knows no epoch of a login, opens still, and is written where there is none")
    func versionBefore() throws {
        var session = self.session
        session.loginEpoch = 0
        let bytes = session.encoded
        #expect(bytes[3] == 2)
        #expect(StoredSession(encoded: bytes) == session)
        #expect(self.encoded()[3] == 3)
        var torn = bytes
        torn[87] = 1
        #expect(StoredSession(encoded: torn) == nil)
    }

    @Test("is refused when it is cut, of another version, or has values that mean nothing")
    func refusals() {
        let bytes = self.encoded()
        for count in 0..<bytes.count { #expect(self.decode(Array(bytes[..<count])) == nil) }
        for (index, value) in [(0, UInt8(0)), (3, 1), (3, 2), (3, 4), (4, 0), (4, 3), (5, 5), (7, 2), (56, 1), (95, 1)] {
            var changed = bytes
            changed[index] = value
            #expect(self.decode(changed) == nil, "byte \(index)")
        }
    }
}
