public import ParanoidSessions

/// Checks whether a store keeps the promises of `SessionStore`, under any test framework: a check throws when a promise is broken.
///
/// ```swift
/// @Test(arguments: SessionStoreConformance.Check.allCases)
/// func conforms(_ check: SessionStoreConformance.Check) async throws {
///     let storage = MyStorage()
///     try await SessionStoreConformance { try MyStore(on: storage) }.run(check)
/// }
/// ```
///
/// What no store can be asked from outside — what a crash leaves, what another process sees — every store has to test by its own means.
public struct SessionStoreConformance: Sendable {
    /// A promise that was not kept.
    package struct Failure: Error, Sendable, CustomStringConvertible {
        /// The check that failed.
        package let check: Check
        /// What was expected and what happened.
        package let description: String
    }

    let makeStore: @Sendable () async throws -> any SessionStore

    /// Creates the suite for one kind of store.
    ///
    /// - Parameter makeStore: Called several times per check; all stores it returns share one storage, as the workers of a host do. A store
    ///   that lives in memory returns the same one each time. The storage may contain sessions of earlier checks.
    public init(_ makeStore: @escaping @Sendable () async throws -> any SessionStore) {
        self.makeStore = makeStore
    }

    /// Runs every check, one after the other; stops at the first failure.
    ///
    /// - Throws: As ``run(_:)`` does.
    package func run() async throws {
        for check in Check.allCases { try await self.run(check) }
    }

    /// Runs one check.
    ///
    /// - Throws: An error that names the check and says what happened, or the store's error where the check expects none.
    public func run(_ check: Check) async throws {
        let first = try await self.makeStore()
        let stores = Stores(first: first, second: try await self.makeStore(), epoch: try await first.epoch(), check: check)
        switch check {
        case .absentSessions: try await stores.checkAbsentSessions()
        case .creation: try await stores.checkCreation()
        case .creationRace: try await stores.checkCreationRace()
        case .changes: try await stores.checkChanges()
        case .sizes: try await stores.checkSizes()
        case .removal: try await stores.checkRemoval()
        case .tombstones: try await stores.checkTombstones()
        case .expiredSessions: try await stores.checkExpiredSessions()
        case .similarNames: try await stores.checkSimilarNames()
        case .quarantine: try await stores.checkQuarantine()
        case .increments: try await stores.checkIncrements()
        case .readsWhileWriting: try await stores.checkReadsWhileWriting()
        case .removalRace: try await stores.checkRemovalRace()
        case .cancellation: try await stores.checkCancellation()
        case .sweep: try await stores.checkSweep()
        case .sweepBudget: try await stores.checkSweepBudget()
        case .users: try await stores.checkUsers()
        case .reindex: try await stores.checkReindex()
        case .endOfAll: try await stores.checkEndOfAll()
        case .endOfLogins: try await stores.checkEndOfLogins()
        }
    }

    /// The promises of a store that the suite checks, one case each.
    public enum Check: String, Sendable, Hashable, CaseIterable {
        /// A name that nothing is stored under reads as absent, and changing it makes nothing.
        case absentSessions
        /// What was created is read back as it was, by every worker, and is never replaced by another creation.
        case creation
        /// Of those who create one session at the same time, one succeeds.
        case creationRace
        /// A change sees the state before and is seen by every worker when the call returns; keeping changes nothing.
        case changes
        /// A session may grow and shrink.
        case sizes
        /// A removed session is absent for every worker, and its name is free.
        case removal
        /// A tombstone keeps its name from being used.
        case tombstones
        /// Expired sessions are still given out, as it is not the store that judges them.
        case expiredSessions
        /// Names that differ in one bit are different names.
        case similarNames
        /// A session put aside is absent; one that has changed since is left alone.
        case quarantine
        /// No change is lost when many change one session.
        case increments
        /// A reader sees complete states only, and never an older one after a newer one.
        case readsWhileWriting
        /// A session that was removed does not come back through changes in flight.
        case removalRace
        /// A cancelled task can still change a session, or is told that it did not.
        case cancellation
        /// A sweep removes what has expired, and nothing else.
        case sweep
        /// A sweep keeps to its budget and comes to an end.
        case sweepBudget
        /// All sessions that carry a user's tag are found by it, whoever made or changed them.
        case users
        /// Making the list of users' sessions anew leaves none out.
        case reindex
        /// A new epoch ends all sessions that began before it, at once, and no change in flight brings one back; those that begin later stay.
        case endOfAll
        /// The end of a user's logins ends all that carry a lower number, those too that come to be later, and no others.
        case endOfLogins
    }
}
