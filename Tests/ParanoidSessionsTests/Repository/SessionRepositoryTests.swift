import Synchronization
import Testing

@testable import ParanoidSessions

@Suite("A session repository")
struct SessionRepositoryTests {
    private let store = MemorySessionStore()
    private let secrets: ServerSecrets
    private let now = Timestamp(secondsSinceEpoch: 1_000_000)
    private let later = Timestamp(secondsSinceEpoch: 1_000_100)
    private let incidents = Incidents()

    /// What was reported.
    private final class Incidents: Sendable {
        let list = Mutex<[SessionIncident.Kind]>([])
    }

    init() throws {
        var generator = FreshRandom()
        self.secrets = try ServerSecrets([ServerSecret(number: 3, using: &generator)])
    }

    private func repository(over store: (any SessionStore)? = nil) -> SessionRepository {
        SessionRepository(store: store ?? self.store, secrets: self.secrets) { [incidents] incident in
            incidents.list.withLock { $0.append(incident.kind) }
        }
    }

    private func create(_ values: [String: [UInt8]], in repository: SessionRepository) async throws -> SessionIdentifier {
        var record = SessionRecord(createdAt: self.now)
        for (name, bytes) in values { record.values[Array(name.utf8)] = bytes }
        var generator = FreshRandom()
        return try await repository.create(record, expiresAt: self.later, at: self.now, keys: repository.newestKeys, using: &generator)
    }

    private func name(of identifier: SessionIdentifier) throws -> SessionName {
        let keys = try #require(self.secrets.keys(number: identifier.secretNumber))
        return keys.storageName(of: identifier)
    }

    @Test("gives another process what one has created, and shows the store nothing of it")
    func sealing() async throws {
        let identifier = try await self.create(["name": Array("Ada Lovelace".utf8)], in: self.repository())
        let opened = try await self.repository().open(identifier, at: self.now)
        #expect(opened?.record.values[Array("name".utf8)] == Array("Ada Lovelace".utf8))

        let stored = try #require(try await self.store.read(self.name(of: identifier)))
        let text = String(decoding: stored.payload, as: UTF8.self)
        #expect(!text.contains("Ada"))
        #expect(!stored.payload.contains(subsequence: Array("name".utf8)))
    }

    @Test("loses no update of two processes that take turns, though each keeps opened records in memory")
    func cache() async throws {
        let first = self.repository()
        let second = self.repository()
        let identifier = try await self.create([:], in: first)
        let count: [UInt8] = Array("count".utf8)
        for round in 0..<50 {
            let repository = round.isMultiple(of: 2) ? first : second
            var generator = FreshRandom()
            try await repository.change(identifier, at: self.now, using: &generator) { opened in
                guard var record = opened?.record else { return (.keep, ()) }
                record.values[count] = [(record.values[count]?[0] ?? 0) + 1]
                return (.write(record, expiresAt: self.later), ())
            }
        }
        #expect(try await first.open(identifier, at: self.now)?.record.values[count] == [50])
        #expect(try await second.open(identifier, at: self.now)?.record.values[count] == [50])
    }

    @Test("keeps no large record in memory, and reads it all the same", arguments: [100, 20_000])
    func largeRecord(_ byteCount: Int) async throws {
        let value = [UInt8](repeating: 7, count: byteCount)
        let repository = self.repository()
        let identifier = try await self.create(["value": value], in: repository)
        let location = try #require(repository.location(of: identifier))
        for _ in 0..<2 { #expect(try await repository.open(identifier, at: self.now)?.record.values[Array("value".utf8)] == value) }
        let stored = try #require(try await self.store.read(self.name(of: identifier)))
        let hot = HotSessions(capacity: 64)
        var record = SessionRecord(createdAt: self.now)
        record.values[Array("value".utf8)] = value
        hot.remember(record, storedAs: stored, in: location)
        #expect((hot.record(in: location, storedAs: stored) != nil) == (byteCount < 16_000))
    }

    @Test("does not know what has expired, what ended, and what another server's secret names")
    func absence() async throws {
        let repository = self.repository()
        let identifier = try await self.create([:], in: repository)
        #expect(try await repository.open(identifier, at: self.later) == nil)

        var generator = FreshRandom()
        let stranger = SessionIdentifier(secretNumber: 4, using: &generator)
        #expect(try await repository.open(stranger, at: self.now) == nil)

        try await repository.change(identifier, at: self.now, using: &generator) { _ in (.remove, ()) }
        #expect(try await repository.open(identifier, at: self.now) == nil)
        let seen = try await repository.change(identifier, at: self.now, using: &generator) { opened in (.keep, opened != nil) }
        #expect(!seen)
    }

    /// Every field of the head and every byte of the payload.
    @Test("gives a session up, puts it aside and says so, when anything of it was changed", arguments: 0..<10)
    func tampering(_ kind: Int) async throws {
        let identifier = try await self.create(["a": [1, 2, 3]], in: self.repository())
        let name = try self.name(of: identifier)
        try await self.store.modify(name, timeout: .zero) { stored in
            guard var changed = stored else { return (.keep, ()) }
            switch kind {
            case 0: changed.expiresAt = changed.expiresAt.advanced(by: .seconds(1))
            case 1: changed.createdAt = changed.createdAt.advanced(by: .seconds(1))
            case 2: changed.userTag = UserTag(bytes: [UInt8](repeating: 7, count: 16))
            case 3: changed.secretNumber = 9
            case 4: changed.payload[0] ^= 1
            case 5: changed.payload[changed.payload.count - 1] ^= 1
            case 6: changed.payload.removeLast()
            case 7: changed.handle = SessionHandle(number: changed.handle.number ^ 1)
            case 8: changed.epoch += 1
            default: changed.protection = .none
            }
            changed.generation += 1
            return (.write(changed), ())
        }
        #expect(try await self.repository().open(identifier, at: self.now) == nil)
        #expect(self.incidents.list.withLock { $0 } == [.doesNotOpen])
        #expect(try await self.store.read(name) == nil)
    }

    @Test("opens no session in another's place")
    func swapping() async throws {
        let first = try await self.create(["who": [1]], in: self.repository())
        let second = try await self.create(["who": [2]], in: self.repository())
        let stolen = try #require(try await self.store.read(self.name(of: first)))
        try await self.store.modify(self.name(of: second), timeout: .zero) { stored in
            var copy = stolen
            copy.generation = (stored?.generation ?? 0) + 1
            return (.write(copy), ())
        }
        #expect(try await self.repository().open(second, at: self.now) == nil)
    }

    @Test("passes the store's failures on, and takes damage for absence")
    func failures() async throws {
        let identifier = try await self.create([:], in: self.repository())
        let failing = FailingStore(code: .unavailable)
        await #expect(throws: SessionStoreError.self) { try await self.repository(over: failing).open(identifier, at: self.now) }
        let damaged = self.repository(over: FailingStore(code: .damaged))
        #expect(try await damaged.open(identifier, at: self.now) == nil)
        #expect(self.incidents.list.withLock { $0 } == [.damaged])
    }

    // MARK: Replaced identifiers

    private func supersede(
        _ identifier: SessionIdentifier,
        until end: Timestamp,
        in repository: SessionRepository
    ) async throws -> SessionIdentifier {
        var generator = FreshRandom()
        let opened = try #require(try await repository.open(identifier, at: self.now))
        let keys = try #require(repository.keys(of: identifier))
        let successor = try await repository.create(opened.record, expiresAt: self.later, at: self.now, keys: keys, using: &generator)
        try await repository.change(identifier, at: self.now, using: &generator) { _ in (.supersede(by: successor, until: end), ()) }
        return successor
    }

    @Test("leads from replaced identifiers to the session until the overlap has passed, and no longer")
    func overlap() async throws {
        let repository = self.repository()
        let first = try await self.create(["a": [1]], in: repository)
        let end = self.now.advanced(by: .seconds(6))
        let second = try await self.supersede(first, until: end, in: repository)
        let third = try await self.supersede(second, until: end, in: repository)
        for repository in [repository, self.repository()] {
            let opened = try #require(try await repository.open(first, at: self.now))
            #expect(opened.identifier == third && opened.record.values[Array("a".utf8)] == [1])
            #expect(try await repository.open(first, at: end) == nil)
            #expect(try await repository.open(third, at: end) != nil)
        }
        var generator = FreshRandom()
        let seen = try await repository.change(first, at: self.now, using: &generator) { opened in
            guard var record = opened?.record else { return (.keep, nil as SessionIdentifier?) }
            record.values[Array("b".utf8)] = [2]
            return (.write(record, expiresAt: self.later), opened?.identifier)
        }
        #expect(seen == third)
        #expect(try await self.repository().open(third, at: self.now)?.record.values[Array("b".utf8)] == [2])
        // What ended stays ended, also by its old names.
        try await repository.change(first, at: self.now, using: &generator) { _ in (.remove, ()) }
        for identifier in [first, second, third] { #expect(try await repository.open(identifier, at: self.now) == nil) }
    }

    @Test("leads from an identifier that was replaced a hundred times since: its owner was away while a thief was busy")
    func longOverlap() async throws {
        let repository = self.repository()
        let first = try await self.create(["a": [1]], in: repository)
        var last = first
        for _ in 0..<100 { last = try await self.supersede(last, until: self.later, in: repository) }
        #expect(try await repository.open(first, at: self.now)?.identifier == last)
    }

    @Test("leads from an old identifier in one step once the newest was found by it, and for no longer than before")
    func shortened() async throws {
        let repository = self.repository()
        let first = try await self.create(["a": [1]], in: repository)
        let end = self.now.advanced(by: .seconds(6))
        let second = try await self.supersede(first, until: self.later, in: repository)
        #expect(try await repository.open(first, at: self.now)?.longWayUntil == nil)
        var last = try await self.supersede(second, until: end, in: repository)
        for _ in 0..<3 { last = try await self.supersede(last, until: self.later, in: repository) }
        let found = try #require(try await repository.open(first, at: self.now))
        #expect(found.identifier == last && found.longWayUntil == end)
        var generator = FreshRandom()
        try await repository.shorten(first, to: last, at: self.now, by: end, using: &generator)
        // The way in between is gone: only one step is taken.
        try await self.store.modify(self.name(of: second), timeout: .zero) { _ in (.remove, ()) }
        let again = try #require(try await repository.open(first, at: self.now))
        #expect(again.identifier == last && again.longWayUntil == nil)
        #expect(try await repository.open(first, at: end) == nil)
    }

    @Test("shows the store nothing of a successor, and follows none that was planted")
    func tombstone() async throws {
        let repository = self.repository()
        let first = try await self.create([:], in: repository)
        let victim = try await self.create(["who": [7]], in: repository)
        let successor = try await self.supersede(first, until: self.later, in: repository)
        let tombstone = try #require(try await self.store.read(self.name(of: first)))
        #expect(tombstone.state == .ended && tombstone.userTag == nil)
        #expect(!tombstone.payload.contains(subsequence: successor.sealableBytes))
        try await self.store.modify(self.name(of: first), timeout: .zero) { stored in
            var forged = tombstone
            forged.payload = victim.sealableBytes
            forged.protection = .none
            forged.generation = (stored?.generation ?? 0) + 1
            return (.write(forged), ())
        }
        #expect(try await repository.open(first, at: self.now) == nil)
    }

    @Test("has one handle in lists and records, however often its identifier is replaced, and the next one another")
    func handle() async throws {
        let repository = self.repository()
        let first = try await self.logIn("ann", in: repository)
        let opened = try await repository.open(first, at: self.now)
        let handle = try #require(opened?.record.origin?.handle)
        var last = first
        for _ in 0..<3 {
            last = try await self.supersede(last, until: self.later, in: repository)
            #expect(try await self.repository().open(last, at: self.now)?.record.origin?.handle == handle)
            #expect(try await repository.list(user: "ann", at: self.now).map(\.handle) == [handle])
        }
        let tombstone = try #require(try await self.store.read(self.name(of: first)))
        #expect(tombstone.handle == handle)
        let other = try await self.logIn("ann", in: repository)
        #expect(try await repository.open(other, at: self.now)?.record.origin?.handle != handle)
        #expect(try await repository.revoke(handle, of: "ann", at: self.now))
        #expect(try await repository.open(last, at: self.now) == nil)
        #expect(try await repository.open(other, at: self.now) != nil)
    }

    @Test("ends everybody at once, and whoever rotates at that moment as well")
    func epochs() async throws {
        let repository = self.repository()
        let session = try await self.logIn("ann", in: repository)
        let opened = try #require(try await repository.open(session, at: self.now))
        try await self.repository().revokeEveryone()
        var generator = FreshRandom()
        let rotated = try await repository.create(
            opened.record,
            expiresAt: self.later,
            at: self.now,
            keys: repository.newestKeys,
            using: &generator
        )
        #expect(try await repository.open(session, at: self.now) == nil)
        #expect(try await repository.open(rotated, at: self.now) == nil)
        let fresh = try await self.logIn("ann", in: repository)
        #expect(try await repository.open(fresh, at: self.now) != nil)
    }

    // MARK: Users

    private func logIn(
        _ user: String,
        at seconds: Int64 = 0,
        device: SessionDevice? = nil,
        in repository: SessionRepository
    ) async throws -> SessionIdentifier {
        let begin = self.now.advanced(by: .seconds(seconds))
        let record = SessionRecord(createdAt: begin, user: SessionUser(name: user, loggedInAt: begin, device: device))
        var generator = FreshRandom()
        return try await repository.create(record, expiresAt: self.later, at: begin, keys: repository.newestKeys, using: &generator)
    }

    @Test("lists a user's sessions without an identifier, and marks the one that asks")
    func listing() async throws {
        let repository = self.repository()
        let device = SessionDevice(label: "Firefox on Linux", address: "192.0.2.7")
        let second = try await self.logIn("ann", at: 20, in: repository)
        let first = try await self.logIn("ann", at: 10, device: device, in: repository)
        _ = try await self.logIn("bob", in: repository)
        _ = try await self.create([:], in: repository)
        let list = try await self.repository().list(user: "ann", at: self.now, current: second)
        #expect(list.map(\.loggedInAt) == [self.now.advanced(by: .seconds(10)), self.now.advanced(by: .seconds(20))])
        #expect(list.map(\.device) == [device, nil])
        #expect(list.map(\.isCurrent) == [false, true])
        #expect(try await repository.list(user: "Ann", at: self.now).isEmpty)
        #expect(try await repository.list(user: "ann", at: self.later).isEmpty)
        let stored = try #require(try await self.store.read(self.name(of: first)))
        #expect(!stored.payload.contains(subsequence: Array("Firefox".utf8)))
        #expect(!list[0].handle.description.contains(first.cookieValue))
        #expect(try await self.repository().open(first, at: self.now)?.record.user?.device == device)
    }

    @Test("revokes by handle, for the right user only, and all but one")
    func revoking() async throws {
        let repository = self.repository()
        var sessions: [SessionIdentifier] = []
        for number in 0..<4 { sessions.append(try await self.logIn("ann", at: Int64(number), in: repository)) }
        let list = try await repository.list(user: "ann", at: self.now)
        #expect(try await !repository.revoke(list[0].handle, of: "bob", at: self.now))
        #expect(try await repository.revoke(#require(SessionHandle(list[0].handle.description)), of: "ann", at: self.now))
        #expect(try await !repository.revoke(list[0].handle, of: "ann", at: self.now))
        #expect(try await repository.open(sessions[0], at: self.now) == nil)
        #expect(try await self.repository().revokeAll(user: "ann", at: self.now, except: sessions[2]).count == 2)
        #expect(try await repository.list(user: "ann", at: self.now).count == 1)
        #expect(try await repository.open(sessions[2], at: self.now) != nil)
        try await self.repository().revokeEveryone()
        #expect(try await repository.open(sessions[2], at: self.now) == nil)
        #expect(SessionHandle("x") == nil)
    }

    @Test("keeps a user to the limit: the oldest ends, or the one too many", arguments: SessionLimit.Policy.allCases)
    func limit(_ policy: SessionLimit.Policy) async throws {
        var configuration = SessionRepositoryConfiguration()
        configuration.limitPerUser = SessionLimit(2, policy: policy)
        let repository = SessionRepository(store: self.store, secrets: self.secrets, configuration: configuration)
        var sessions: [SessionIdentifier] = []
        for number in 0..<3 {
            let isAdmitted = try await repository.admits(user: "ann", at: self.now, besides: nil)
            #expect(isAdmitted == (number < 2 || policy == .oldestEnds))
            // As if it had been admitted: another login may have been faster.
            sessions.append(try await self.logIn("ann", at: Int64(number), in: repository))
            let stays = try await repository.enforceLimit(user: "ann", at: self.now, begun: sessions[number])
            #expect(stays == (number < 2 || policy == .oldestEnds))
        }
        var live: [Bool] = []
        for session in sessions { live.append(try await repository.open(session, at: self.now) != nil) }
        #expect(live == (policy == .oldestEnds ? [false, true, true] : [true, true, false]))
        #expect(try await repository.admits(user: "bob", at: self.now, besides: nil))
    }

    // MARK: Secrets

    @Test("reads the secrets again when it meets an identifier of a secret that was added later, but not for every such identifier")
    func ring() async throws {
        var generator = FreshRandom()
        let added = ServerSecret(number: 9, using: &generator)
        let newer = try ServerSecrets([added])
        let identifier = try await self.create(["a": [1]], in: SessionRepository(store: self.store, secrets: newer))
        let reads = Mutex(0)
        let repository = SessionRepository(
            store: self.store,
            secrets: self.secrets,
            reloadSecrets: {
                reads.withLock { $0 += 1 }
                return newer
            }
        )
        #expect(try await repository.open(identifier, at: self.now)?.record.values[Array("a".utf8)] == [1])
        for _ in 0..<20 {
            let invented = SessionIdentifier(secretNumber: 77, using: &generator)
            #expect(try await repository.open(invented, at: self.now) == nil)
        }
        #expect(reads.withLock { $0 } < 20)
        #expect(repository.newestKeys.number == 3)
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        self.indices.contains { self[$0...].starts(with: subsequence) }
    }
}
