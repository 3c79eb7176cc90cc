import ParanoidSessions

/// A store that always fails in one way.
struct FailingStore: SessionStore {
    let code: SessionStoreError.Code

    private var error: SessionStoreError { SessionStoreError(self.code, message: "as the test wants it") }

    func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? { throw self.error }
    func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) { throw self.error }
    func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result { throw self.error }
    func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {}
    func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] { throw self.error }
    func epoch() async throws(SessionStoreError) -> UInt64 { 0 }
    func beginEpoch() async throws(SessionStoreError) { throw self.error }
    var loginEpoch: UInt64 { 0 }
    func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 { throw self.error }
    func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) { throw self.error }
    func reindex() async throws(SessionStoreError) -> Int { throw self.error }
    func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport { throw self.error }
}

/// The system's randomness.
///
/// Not empty: the thread sanitizer looks at the address of what is passed `inout`, and an empty value has none.
struct FreshRandom: RandomNumberGenerator {
    private var drawn = 0

    mutating func next() -> UInt64 {
        self.drawn += 1
        return .random(in: .min ... .max)
    }
}
