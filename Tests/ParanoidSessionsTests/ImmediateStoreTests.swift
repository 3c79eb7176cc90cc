import HTTPTypes
import Logging
import ParanoidHTTP
@testable import ParanoidSessions
import Synchronization
import Testing

@Suite("A request and its session")
struct ImmediateStoreTests {
    private let hits = SessionKey<Int>("hits")

    @Test("suspend nowhere where nobody has to be waited for")
    func immediate() async throws {
        let browser = try Browser(over: ImmediateOnlyStore())
        for expected in 1...3 { #expect(try await browser.count(self.hits) == expected) }
        #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
    }

    @Test("read it once: under the lock where they begin with a change, without one where they look")
    func oneRead() async throws {
        let store = ImmediateOnlyStore()
        let browser = try Browser(over: store)
        // The third request is the first to which nothing new is told.
        for _ in 1...2 { _ = try await browser.count(self.hits) }
        store.calls.withLock { $0 = ImmediateOnlyStore.Calls() }
        #expect(try await browser.count(self.hits) == 3)
        #expect(store.calls.withLock { $0 } == ImmediateOnlyStore.Calls(reads: 0, locks: 1))
        #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
        #expect(store.calls.withLock { $0 } == ImmediateOnlyStore.Calls(reads: 1, locks: 1))
        // Read already, so that the lock comes with the change.
        let both = try await browser.ask { session in
            let before = try await session.value(self.hits)
            try await session.update(self.hits, default: 0) { $0 += 1 }
            return before
        }
        #expect(both == 3)
        #expect(store.calls.withLock { $0 } == ImmediateOnlyStore.Calls(reads: 2, locks: 2))
    }

    @Test("get along with a store that only knows how to wait")
    func waiting() async throws {
        let store = WaitingOnlyStore()
        let browser = try Browser(over: store)
        for expected in 1...3 { #expect(try await browser.count(self.hits) == expected) }
        try await browser.ask { try await $0.logIn(as: "ann") }
        #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
        #expect(try await browser.ask { try await $0.user } == "ann")
        try await browser.ask { try await $0.logOut() }
        #expect(try await browser.ask { try await $0.value(self.hits) } == nil)
        #expect(store.waits.withLock { $0 } > 0)
    }

    @Test("go on together when the store did not say whether the identifier was replaced")
    func unanswered() async throws {
        let store = WaitingOnlyStore()
        let browser = try Browser(over: store)
        for _ in 1...2 { _ = try await browser.count(self.hits) }
        store.endsToLose.withLock { $0 = 1 }
        _ = try? await browser.ask { try await $0.rotate() }
        #expect(store.endsToLose.withLock { $0 } == 0)
        #expect(try await browser.count(self.hits) == 3)
        #expect(try await browser.ask { try await $0.guardVerdict } == .accepted)
    }

    @Test("refuse a login that might be void, as the store does not know which logins have ended")
    func unknownNumber() async throws {
        let store = WaitingOnlyStore()
        let browser = try Browser(over: store)
        #expect(try await browser.count(self.hits) == 1)
        store.knowsLogins.withLock { $0 = false }
        let error = await #expect(throws: HTTPError.self) { try await browser.ask { try await $0.logIn(as: "ann") } }
        #expect(error?.status == .serviceUnavailable)
        #expect(try await browser.count(self.hits) == 2)
        #expect(try await browser.ask { try await $0.user } == nil)
        store.knowsLogins.withLock { $0 = true }
        try await browser.ask { try await $0.logIn(as: "ann") }
        #expect(try await browser.ask { try await $0.user } == "ann")
    }

    @Test("wait for one who holds the session, and lose nothing")
    func contention() async throws {
        let store = MemorySessionStore()
        let browser = try Browser(over: store)
        // The second request is the first to show the values it was given, which is noted.
        for _ in 1...2 { _ = try await browser.count(self.hits) }
        let name = try #require(store.names.first)
        var held: (any LockedSession)?
        if case .locked(let lock) = try store.lockNow(name) { held = lock }
        #expect(held?.current != nil)
        async let count = browser.count(self.hits)
        // A read does not wait.
        for _ in 1...3 { #expect(try await browser.ask { try await $0.value(self.hits) } == 2) }
        try held?.commit(.keep)
        held = nil
        #expect(try await count == 3)
        #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
    }

    @Test("prove again what differs from what was proved last")
    func proof() async throws {
        let browser = try Browser(over: MemorySessionStore())
        for _ in 1...3 { _ = try await browser.count(self.hits) }
        #expect(try await browser.ask { try await $0.guardVerdict } == .accepted)
        let other = try browser.copy { name, value in
            guard name == "__Host-sessionnonce" else { return value }
            return (value.first == "A" ? "B" : "A") + value.dropFirst()
        }
        #expect(try await other.ask { try await $0.guardReason } == .nonce)
        // The refused request has not taken away what was proved.
        #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
    }

    @Test("know a client that shows the same bytes again, and take others for what they are")
    func sameField() async throws {
        let browser = try Browser(over: MemorySessionStore())
        for _ in 1...3 { _ = try await browser.count(self.hits) }
        // The first look proves what is shown, the second keeps the field, the third finds it.
        for _ in 1...3 { #expect(try await browser.ask { try await $0.value(self.hits) } == 3) }
        var parts: [String] = []
        _ = try browser.copy { name, value in
            parts.append(name)
            return value
        }
        #expect(parts.count == 3)
        for part in parts {
            let other = try browser.copy { name, value in
                name == part ? value.dropLast(4) + (value.hasSuffix("AAAA") ? "BBBB" : "AAAA") : value
            }
            for _ in 1...2 { #expect(try await other.ask { try await $0.value(self.hits) } == nil) }
            #expect(try await browser.ask { try await $0.value(self.hits) } == 3)
        }
        // Ended meanwhile: the bytes are known, and the session is not there.
        let copy = try browser.copy { $1 }
        #expect(try await copy.ask { try await $0.value(self.hits) } == 3)
        try await browser.ask { try await $0.logOut() }
        for _ in 1...2 { #expect(try await copy.ask { try await $0.value(self.hits) } == nil) }
    }

    @Test("forget a change that fails, all of it")
    func failure() async throws {
        struct Refusal: Error {}
        let browser = try Browser(over: MemorySessionStore())
        _ = try await browser.count(self.hits)
        await #expect(throws: Refusal.self) {
            try await browser.ask { session in
                try await session.update(self.hits, default: 0) { hits in
                    hits = 100
                    throw Refusal()
                }
            }
        }
        #expect(try await browser.ask { try await $0.value(self.hits) } == 1)
    }

    @Test("share a record until one of them changes it")
    func sharing() {
        var generator = SystemRandomNumberGenerator()
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let fingerprint = Fingerprint(of: ClientTraits([]), keys: keys)
        var record = SessionRecord(createdAt: .distantPast)
        record.tracking = SessionTracking(boundTo: fingerprint, at: .distantPast, using: &generator)
        let before = record
        record.values[[1]] = [2]
        record.tracking?.position = 7
        #expect(before.values.isEmpty)
        #expect(before.tracking?.position == 0)
        #expect(record != before)
    }
}

/// One browser that follows its cookies, and the middleware before it.
private final class Browser: Sendable {
    private let middleware: SessionMiddleware
    private let jar: Mutex<[String: String]>

    init(over store: any SessionStore) throws {
        var generator = SystemRandomNumberGenerator()
        let repository = SessionRepository(
            store: store,
            secrets: try ServerSecrets([ServerSecret(number: 1, using: &generator)]),
            configuration: SessionRepositoryConfiguration()
        )
        self.middleware = SessionMiddleware(repository: repository, configuration: SessionSettings(), clock: FixedClock())
        self.jar = Mutex([:])
    }

    private init(_ middleware: SessionMiddleware, _ jar: [String: String]) {
        self.middleware = middleware
        self.jar = Mutex(jar)
    }

    func copy(_ change: (_ name: String, _ value: String) -> String) throws -> Browser {
        let jar = self.jar.withLock { $0 }
        return Browser(self.middleware, Dictionary(uniqueKeysWithValues: jar.map { ($0.key, change($0.key, $0.value)) }))
    }

    func count(_ key: SessionKey<Int>) async throws -> Int {
        try await self.ask { session in
            try await session.update(key, default: 0) { hits in
                hits += 1
                return hits
            }
        }
    }

    @discardableResult
    func ask<Answer: Sendable>(_ body: @escaping @Sendable (Session) async throws -> Answer) async throws -> Answer {
        let answer = Mutex<Result<Answer, any Error>?>(nil)
        let field = self.jar.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ") }
        var parameters = InMemoryParameters(["HTTP_USER_AGENT": "Firefox/140.0", "HTTP_SEC_FETCH_SITE": "same-origin"])
        if !field.isEmpty { parameters.append(name: Array("HTTP_COOKIE".utf8), value: Array(field.utf8)) }
        let request = Request(
            method: .get,
            rawPath: "/",
            isSecure: true,
            clientAddress: "192.0.2.7",
            parameters: parameters,
            headerFields: { HTTPFields() },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let handler = ClosureHandler { request in
            do {
                let value = try await body(request.session)
                answer.withLock { $0 = .success(value) }
            } catch {
                answer.withLock { $0 = .failure(error) }
                throw error
            }
            return Response.text("x")
        }
        let response = try await self.middleware.handle(request, next: handler)
        self.jar.withLock { jar in
            for cookie in response.cookies { jar[cookie.name] = cookie.maxAge == .zero ? nil : cookie.value }
        }
        return try #require(answer.withLock { $0 }).get()
    }

    private struct FixedClock: RequestClock {
        func arrival(of request: Request, seenAt: Timestamp) -> Timestamp { seenAt }
        func completion(of request: Request) -> Timestamp { Timestamp(secondsSinceEpoch: 1_800_000_000) }
    }
}

/// A store in memory that must not be asked to wait.
private final class ImmediateOnlyStore: ImmediateSessionStore {
    struct Calls: Equatable {
        var reads = 0
        var locks = 0
    }

    private let store = MemorySessionStore()
    let calls = Mutex(Calls())

    func readNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateRead {
        self.calls.withLock { $0.reads += 1 }
        return try self.store.readNow(name)
    }
    func createNow(_ session: StoredSession, named name: SessionName) throws(SessionStoreError) {
        try self.store.createNow(session, named: name)
    }
    func epochNow() throws(SessionStoreError) -> UInt64 { try self.store.epochNow() }
    func lockNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateLock {
        self.calls.withLock { $0.locks += 1 }
        return try self.store.lockNow(name)
    }

    func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? { throw self.unwanted() }
    func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) { throw self.unwanted() }
    func epoch() async throws(SessionStoreError) -> UInt64 { throw self.unwanted() }
    func lock(_ name: SessionName, timeout: Duration) async throws(SessionStoreError) -> (any LockedSession)? { throw self.unwanted() }
    func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) { throw self.unwanted() }
    func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] { throw self.unwanted() }
    func beginEpoch() async throws(SessionStoreError) { throw self.unwanted() }
    var loginEpoch: UInt64 { self.store.loginEpoch }
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 { throw self.unwanted() }
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) { throw self.unwanted() }
    func reindex() async throws(SessionStoreError) -> Int { throw self.unwanted() }
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport { throw self.unwanted() }

    private func unwanted() -> SessionStoreError {
        Issue.record("nobody has to be waited for")
        return SessionStoreError(.unavailable, message: "this store does not wait")
    }
}

/// What an author of a store writes: no more than the protocol asks for, and every step suspends.
private final class WaitingOnlyStore: RemoteSessionStore {
    private let store = MemorySessionStore()
    let waits = Mutex(0)
    /// How many of the next ends of sessions happen without its being able to say so.
    let endsToLose = Mutex(0)
    let knowsLogins = Mutex(true)
    var zeroIsUnknown: Bool { true }

    private func wait() async {
        self.waits.withLock { $0 += 1 }
        await Task.yield()
    }

    func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        await self.wait()
        return try await self.store.read(name)
    }
    func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        await self.wait()
        try self.store.createNow(session, named: name)
    }
    func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        await self.wait()
        var isEnd = false
        let result = try await self.store.modify(name, timeout: timeout) { stored in
            let (change, result) = body(stored)
            if case .write(let next) = change { isEnd = next.state == .ended }
            return (change, result)
        }
        let isLost = self.endsToLose.withLock { count in
            guard isEnd, count > 0 else { return false }
            count -= 1
            return true
        }
        if isLost { throw SessionStoreError(.unavailable, message: "it may have happened") }
        return result
    }
    func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        try await self.store.quarantine(name, generation: generation)
    }
    func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] { try await self.store.names(ofUser: tag) }
    func epoch() async throws(SessionStoreError) -> UInt64 { try self.store.epochNow() }
    func beginEpoch() async throws(SessionStoreError) { try await self.store.beginEpoch() }
    var loginEpoch: UInt64 { self.knowsLogins.withLock { $0 } ? self.store.loginEpoch : 0 }
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 { try await self.store.beginLoginEpoch() }
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        try await self.store.endLogins(of: tag, before: epoch)
    }
    func reindex() async throws(SessionStoreError) -> Int { try await self.store.reindex() }
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.store.sweep(expiredAt: now, budget: budget)
    }
}
