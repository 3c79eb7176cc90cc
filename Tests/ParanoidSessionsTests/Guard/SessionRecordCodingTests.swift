import Testing

@testable import ParanoidSessions

@Suite("The binary form of a session record")
struct SessionRecordCodingTests {
    private static func record() -> SessionRecord {
        var generator = SeededRandom(seed: 21)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let fingerprint = Fingerprint(of: ClientTraits([Array("10.0.0.1".utf8), nil]), keys: keys)
        var tracking = SessionTracking(boundTo: fingerprint, at: Timestamp(nanosecondsSinceEpoch: -5), using: &generator)
        tracking.position = .max
        tracking.nonceIssuedAt = .distantPast
        tracking.secureKey = SecureKey(using: &generator)
        var record = SessionRecord(createdAt: .distantFuture, tracking: tracking, lifetime: .untilBrowserCloses)
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
        var generator = SeededRandom(seed: 4)
        for issuedAt in [nil, Timestamp(secondsSinceEpoch: 77)] {
            var rotated = record
            rotated.tracking?.predecessor = .init(SessionIdentifier(secretNumber: 1, using: &generator), issuedAt: issuedAt)
            #expect(SessionRecord(decoding: rotated.encoded()) == rotated)
        }
        let empty = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1))
        #expect(SessionRecord(decoding: empty.encoded()) == empty)
    }

    @Test("is refused when it is cut anywhere inside a section")
    func cuts() {
        let bytes = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1), lifetime: .idle(.seconds(3))).encoded()
        #expect(SessionRecord(decoding: []) == nil)
        #expect(SessionRecord(decoding: [0] + bytes.dropFirst()) == nil)
        var complete: [Int] = []
        for count in 1...bytes.count where SessionRecord(decoding: Array(bytes[..<count])) != nil { complete.append(count) }
        // Only between sections: after the version, after the times, after the lifetime.
        #expect(complete == [1, 14, 27])
    }

    @Test("survives every single bit flip without a trap, whatever comes out")
    func flips() {
        let bytes = SessionRecord(
            createdAt: Timestamp(secondsSinceEpoch: 1),
            tracking: Self.record().tracking,
            lifetime: .idle(.seconds(3))
        ).encoded()
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

    @Test("of a newer version is read as far as it is known, and what is not known is written again as it was")
    func unknownSection() throws {
        var bytes = Self.record().encoded()
        let unknown: [UInt8] = [99, 0, 0, 0, 2, 1, 1]
        bytes += unknown
        bytes[0] = 2
        var record = try #require(SessionRecord(decoding: bytes))
        #expect(record.values == Self.record().values && record.tracking == Self.record().tracking)
        record.lifetime = .idle(.seconds(77))
        #expect(record.encoded().suffix(7) == unknown[...])
    }

    @Test("loses a value or a part that does not parse, and nothing else")
    func brokenParts() throws {
        var record = Self.record()
        record.user = SessionUser(name: "ann", loggedInAt: .distantPast, device: SessionDevice(label: "Firefox", address: "10.0.0.1"))
        #expect(SessionRecord(decoding: record.encoded()) == record)
        // A user and a value whose inner lengths point behind their ends.
        let bytes = record.encoded() + [4, 0, 0, 0, 3, 9, 9, 9] + [5, 0, 0, 0, 5, 0, 0, 0, 9, 1]
        #expect(SessionRecord(decoding: bytes) == record)
    }

    @Test("is no record when the guard's part does not parse: it would open to its identifier alone")
    func brokenTracking() {
        #expect(SessionRecord(decoding: SessionRecord(createdAt: .distantPast).encoded() + [2, 0, 0, 0, 3, 9, 9, 9]) == nil)
    }

    @Test("does not open with a rotation chain that is damaged, or that has no tracking: the identifier alone would do")
    func damagedChain() throws {
        let tracked = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1), tracking: Self.record().tracking).encoded()
        let bare = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1)).encoded()
        #expect(SessionRecord(decoding: tracked) != nil)
        // The version that this code writes, and one byte behind it.
        #expect(SessionRecord(decoding: tracked + [6, 0, 0, 0, 2, 2, 1]) == nil)
        #expect(SessionRecord(decoding: tracked + [6, 0, 0, 0, 0]) != nil)
        #expect(SessionRecord(decoding: bare) != nil)
        #expect(SessionRecord(decoding: bare + [6, 0, 0, 0, 2, 200, 1]) == nil)
    }

    @Test("loses a rotation chain of another version, and the guard goes on after the value that its owner shows")
    func unreadableChain() throws {
        var generator = SeededRandom(seed: 12)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let sessionGuard = SessionGuard(settings: GuardSettings())
        let identifier = SessionIdentifier(secretNumber: 1, using: &generator)
        let fingerprint = Fingerprint(of: ClientTraits([]), keys: keys)
        let now = Timestamp(secondsSinceEpoch: 1000)
        let tracking = SessionTracking(boundTo: fingerprint, at: now, using: &generator)
        let bytes = SessionRecord(createdAt: now, tracking: tracking).encoded() + [6, 0, 0, 0, 2, 200, 1]
        let record = try #require(SessionRecord(decoding: bytes))
        #expect(record.tracking == tracking)

        let value = RotationChain.Value(generation: 5, number: 50)
        let credentials = PresentedCredentials(
            identifier: identifier,
            presentsIdentifier: true,
            nonce: tracking.stream(keys: keys).nonce(of: value),
            secureKey: nil,
            isSecure: true,
            traits: ClientTraits([])
        )
        #expect(sessionGuard.decide(credentials, on: record, keys: keys, at: now) == .accept(.current, needsSecureKey: false))
        var state = TransactionState(credentials: credentials, arrivedAt: now, isChecked: true)
        state.session = OpenSession(identifier: identifier, record: record)
        guard case .write(let next) = sessionGuard.complete(state, over: record, keys: keys, at: now, using: &generator).storing else {
            Issue.record("the chain is written anew")
            return
        }
        #expect(next.tracking?.chain?.generation == 5)
        // Nobody without a value of this session gets in.
        var others = credentials
        others.nonce = NonceStream(seed: SecretBytes(using: &generator), keys: keys).nonce(of: value)
        #expect(sessionGuard.decide(others, on: record, keys: keys, at: now) == .reject(.nonce))
    }

    @Test("of a device is cut at a character, not inside one", arguments: [(128, 128), (129, 128), (127, 127)])
    func device(_ count: Int, _ kept: Int) {
        #expect(SessionDevice(label: String(repeating: "a", count: count)).label.utf8.count == kept)
        let wide = SessionDevice(label: String(repeating: "a", count: 127) + "éé")
        #expect(wide.label.utf8.count == 127)
    }

    @Test("keeps the number of a lifetime: seconds, 0 until the browser is closed, none as the settings say")
    func lifetimes() {
        for (lifetime, seconds) in [(SessionLifetime.standard, nil), (.untilBrowserCloses, 0), (.idle(.milliseconds(3999)), 3)]
            as [(SessionLifetime, Int64?)]
        {
            #expect(lifetime.recordedSeconds == seconds)
            let expected = lifetime == .idle(.milliseconds(3999)) ? .idle(.seconds(3)) : lifetime
            let record = SessionRecord(createdAt: Timestamp(secondsSinceEpoch: 1), lifetime: lifetime)
            #expect(SessionRecord(decoding: record.encoded())?.lifetime == expected)
        }
    }
}

@Suite("A record of a user of which a part is missing")
struct CutRecordTests {
    private static func made() -> SessionRecord {
        var generator = SeededRandom(seed: 21)
        let now = Timestamp(secondsSinceEpoch: 1_000_000)
        var record = SessionRecord(createdAt: now)
        var tracking = SessionTracking(boundTo: Fingerprint(), at: now, using: &generator)
        tracking.secureKey = SecureKey(using: &generator)
        tracking.chain = RotationChain(at: now)
        tracking.predecessor = .init(SessionIdentifier(secretNumber: 1, using: &generator), issuedAt: now)
        tracking.isSuspended = true
        record.tracking = tracking
        record.values = SessionValues([.init(name: [1], bytes: [2, 3])])
        record.user = SessionUser(name: "ann", loggedInAt: now, memory: SessionHandle(number: 77))
        return record
    }

    @Test("does not open, or opens without the user: nobody is logged in by a record whose guard's part is not whole")
    func cut() throws {
        let record = Self.made()
        let bytes = record.encoded()
        #expect(SessionRecord(decoding: bytes) == record)
        for count in bytes.indices {
            guard let cut = SessionRecord(decoding: Array(bytes.prefix(count))), cut.user != nil else { continue }
            #expect(cut.tracking == record.tracking, "\(count) bytes")
        }
        // One section after the other is left out.
        var reader = RecordReader(bytes)
        let first = reader.byte()
        let version = try #require(first)
        var sections: [[UInt8]] = []
        while let (kind, content) = reader.section() {
            var writer = RecordWriter()
            writer.section(kind) { $0.raw(Array(content)) }
            sections.append(writer.output)
        }
        #expect(sections.count > 8)
        for missing in sections.indices {
            let rest = sections.indices.filter { $0 != missing }.flatMap { sections[$0] }
            let cut = SessionRecord(decoding: [version] + rest)
            // Without its tracking, the chain is nobody's.
            #expect(cut?.tracking?.secureKey == record.tracking?.secureKey || cut == nil, "section \(sections[missing][0])")
        }
    }

    @Test("says which remembered login it began with for that login alone, as a part that older code has kept tells nothing of another")
    func memory() {
        let record = Self.made()
        #expect(record.user?.memory == SessionHandle(number: 77))
        var other = record
        other.user = SessionUser(name: "bob", loggedInAt: Timestamp(secondsSinceEpoch: 2_000_000))
        #expect(SessionRecord(decoding: other.encoded())?.user?.memory == nil)
        #expect(SessionRecord(decoding: record.encoded())?.user?.memory == SessionHandle(number: 77))
    }
}
