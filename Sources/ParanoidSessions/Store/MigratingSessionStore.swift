internal import Synchronization

/// Two stores as one, while the sessions move from one to the other.
///
/// It reads the new store first. What only the old one has moves when it is changed. New sessions begin in the new store.
///
/// A record moves as it is, since only its owner's cookie opens it. So both stores have to count epochs alike: ``prepare()`` gives the new store
/// the numbers of the old one, and what ends sessions of a user, or all, ends them in both.
///
/// A death between the two steps of a move leaves the session in both stores. What is in the new store counts. Before a session of it ends or
/// is to end earlier, its copy is removed, so no copy outlives it.
package final class MigratingSessionStore: RemoteSessionStore {
    private let new: any MovableSessionStore
    private let old: any MovableSessionStore
    private let locks: any SessionMoveLocks
    private let timeout: Duration
    private let isReady = Mutex(false)
    private let sweepsNew = Mutex(false)

    /// Creates a store over two others.
    ///
    /// - Parameters:
    ///   - new: Where the sessions go to.
    ///   - old: Where they come from.
    ///   - locks: Keeps processes apart that move one session; all processes share them.
    ///   - timeout: How long a caller may wait for another that moves the same session.
    package init(
        to new: any MovableSessionStore,
        from old: any MovableSessionStore,
        locks: any SessionMoveLocks,
        timeout: Duration = .seconds(2)
    ) {
        self.new = new
        self.old = old
        self.locks = locks
        self.timeout = timeout
    }

    // MARK: Numbers

    /// Gives the new store the numbers of the old one; nothing happens where that was done before.
    ///
    /// - Throws: ``SessionStoreError/Code/refused`` when the new store counts from a greater number, or has sessions that this would end.
    package func prepare() async throws(SessionStoreError) {
        guard let numbers = try await self.old.numbers() else {
            throw SessionStoreError(.refused, message: "the old store has never kept sessions")
        }
        let found = try await self.new.numbers()
        if found?.epoch == numbers.epoch { return try await self.makeReady() }
        for part in 0..<self.new.partCount where try await !self.new.names(inPart: part).isEmpty {
            throw SessionStoreError(
                .refused,
                message: "the new store has sessions of its own; use an empty session directory, or another prefix in Redis"
            )
        }
        if let found, found.epoch > numbers.epoch {
            throw SessionStoreError(
                .refused,
                message: "the new store was used before, and counts from a greater number than the sessions of the old one carry;"
                    + " use a new session directory, or another prefix in Redis"
            )
        }
        try await self.new.raise(to: numbers)
        self.isReady.withLock { $0 = true }
    }

    /// Refuses stores that count differently: a session that moved would be absent, and its owner logged out.
    private func makeReady() async throws(SessionStoreError) {
        if self.isReady.withLock({ $0 }) { return }
        guard let numbers = try await self.new.numbers() else { throw Self.unprepared }
        let oldNumbers = try await self.old.numbers() ?? numbers
        guard numbers.epoch <= oldNumbers.epoch else { throw Self.unprepared }
        if numbers.epoch < oldNumbers.epoch || numbers.loginEpoch < oldNumbers.loginEpoch { try await self.new.raise(to: oldNumbers) }
        self.isReady.withLock { $0 = true }
    }

    private static let unprepared = SessionStoreError(
        .refused,
        message: "the new store does not count on from the old one; run `paranoid sessions migrate --prepare`"
    )

    // MARK: Moving

    /// Moves a session.
    ///
    /// - Returns: Whether the old store has it no more, be it by this call or by another's.
    @discardableResult
    package func move(_ name: SessionName) async throws(SessionStoreError) -> Bool {
        try await self.makeReady()
        let lock = try await self.locks.lockForMove(of: name, timeout: self.timeout)
        defer { withExtendedLifetime(lock) {} }
        if try await self.new.read(name) == nil, let session = try await self.old.read(name) {
            // What is in the way ended by a number that the old store does not have yet, or is being made.
            guard try await self.new.adopt(session, named: name) else { return false }
        }
        try await self.removeCopy(of: name)
        return true
    }

    private func removeCopy(of name: SessionName) async throws(SessionStoreError) {
        try await self.old.modify(name, timeout: self.timeout) { ($0 == nil ? .keep : .remove, ()) }
    }

    /// What moving all sessions has come to.
    package struct Report: Sendable, Hashable {
        /// How many have moved.
        package var moved = 0
        /// How many are left, as they could not be moved.
        package var left = 0
        /// Why the last of those is left.
        package var problem: String?

        /// Creates a report.
        package init(moved: Int = 0, left: Int = 0, problem: String? = nil) {
            self.moved = moved
            self.left = left
            self.problem = problem
        }
    }

    /// Moves what the old store has; it may be stopped at any time and begun again.
    ///
    /// - Parameter progress: Told after each part how many parts of how many are done.
    package func moveAll(progress: (Int, Int) -> Void = { _, _ in }) async throws(SessionStoreError) -> Report {
        var report = Report()
        for part in 0..<self.old.partCount {
            var names = try await self.old.names(inPart: part)[...]
            while !names.isEmpty {
                let some = names.prefix(Self.movedTogether)
                names = names.dropFirst(Self.movedTogether)
                await self.move(Array(some), &report)
            }
            progress(part + 1, self.old.partCount)
        }
        return report
    }

    private static let movedTogether = 32

    private func move(_ names: [SessionName], _ report: inout Report) async {
        await withTaskGroup(of: Result<Bool?, SessionStoreError>.self) { group in
            for name in names {
                group.addTask {
                    do throws(SessionStoreError) {
                        // Expired and ended ones are the sweep's.
                        guard try await self.old.read(name) != nil else { return .success(nil) }
                        return .success(try await self.move(name))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group {
                switch result {
                case .success(true): report.moved += 1
                case .success(nil): break
                case .success(false): report.left += 1
                case .failure(let error):
                    report.left += 1
                    report.problem = "\(error)"
                }
            }
        }
    }

    // MARK: Sessions

    package func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        try await self.makeReady()
        if let session = try await self.readNew(name) { return session }
        if let session = try await self.old.read(name) { return session }
        // It may have moved between the two looks.
        return try await self.readNew(name)
    }

    private func readNew(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        do {
            return try await self.new.read(name)
        } catch {
            if error.code == .damaged { try await self.removeCopy(of: name) }
            throw error
        }
    }

    package func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        try await self.makeReady()
        guard try await self.old.read(name) == nil else {
            throw SessionStoreError(.nameTaken, message: "session \(name) exists already")
        }
        try await self.new.create(session, named: name)
    }

    private enum Step<Result: Sendable>: Sendable {
        case done(Result)
        case absent
        /// It would end earlier than the copy that a death may have left.
        case endsEarlier
    }

    package func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        try await self.makeReady()
        var isKnownAbsent = false
        var hasNoCopy = false
        while true {
            let step: Step<Result>
            do {
                step = try await self.new.modify(name, timeout: timeout) { current in
                    guard current != nil || isKnownAbsent else { return (.keep, .absent) }
                    let (change, result) = body(current)
                    if let current, !hasNoCopy, Self.endsEarlier(change, than: current) { return (.keep, .endsEarlier) }
                    return (change, .done(result))
                }
            } catch {
                if error.code == .damaged { try await self.removeCopy(of: name) }
                throw error
            }
            switch step {
            case .done(let result): return result
            case .endsEarlier:
                try await self.removeCopy(of: name)
                hasNoCopy = true
            case .absent:
                guard try await self.old.read(name) != nil else {
                    isKnownAbsent = true
                    continue
                }
                guard try await self.move(name) else {
                    throw SessionStoreError(.unavailable, message: "session \(name) cannot be moved at the moment")
                }
            }
        }
    }

    private static func endsEarlier(_ change: SessionChange, than current: StoredSession) -> Bool {
        switch change {
        case .keep: false
        case .remove: true
        case .write(let next): next.state == .ended && current.state == .live || next.expiresAt < current.expiresAt
        }
    }

    package func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        try await self.makeReady()
        guard let session = try await self.new.read(name) else {
            return try await self.old.quarantine(name, generation: generation)
        }
        guard session.generation == generation else { return }
        try await self.removeCopy(of: name)
        try await self.new.quarantine(name, generation: generation)
    }

    package func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] {
        // In this order: what moves meanwhile is listed in the new store before it leaves the old one.
        let old = try await self.old.names(ofUser: tag)
        return Array(Set(old).union(try await self.new.names(ofUser: tag)))
    }

    // MARK: All sessions

    package func epoch() async throws(SessionStoreError) -> UInt64 {
        try await self.makeReady()
        return try await self.new.epoch()
    }

    package func beginEpoch() async throws(SessionStoreError) {
        try await self.makeReady()
        try await self.new.beginEpoch()
        guard let numbers = try await self.new.numbers() else { throw Self.unprepared }
        try await self.old.raise(to: numbers)
    }

    package var loginEpoch: UInt64 { self.new.loginEpoch }

    package var zeroIsUnknown: Bool { (self.new as? any RemoteSessionStore)?.zeroIsUnknown ?? false }

    package func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 {
        try await self.makeReady()
        return try await self.new.beginLoginEpoch()
    }

    package func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        try await self.makeReady()
        try await self.old.endLogins(of: tag, before: epoch)
        try await self.new.endLogins(of: tag, before: epoch)
    }

    package func reindex() async throws(SessionStoreError) -> Int {
        try await self.old.reindex() + self.new.reindex()
    }

    /// Sweeps the old store to its end, then the new one, which ends the sweep.
    package func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        var report = SweepReport()
        if !self.sweepsNew.withLock({ $0 }) {
            report = try await self.old.sweep(expiredAt: now, budget: budget)
            guard report.isComplete else { return report }
            self.sweepsNew.withLock { $0 = true }
            report.isComplete = false
            guard report.examined < budget else { return report }
        }
        report.add(try await self.new.sweep(expiredAt: now, budget: budget - report.examined))
        if report.isComplete { self.sweepsNew.withLock { $0 = false } }
        return report
    }
}
