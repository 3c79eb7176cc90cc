internal import ParanoidLinux
package import Logging
package import ParanoidSessions
internal import Synchronization

/// A store that keeps one file per session in a directory shared by all worker processes of a host.
///
/// - A change is written beside the state before it, never over it, under the file's `flock(2)`; so a crash at any instant leaves the old or the
///   new state. It takes one `pwrite(2)`, or none where the same process has made one within the last second (``SessionFileWindow``).
/// - Reads take no lock. An unchanged session that is kept open costs one `pread(2)`, and a look at memory once it was found unchanged a few times.
/// - Files have mode 0600 and belong to the process's user; whatever else has a session's name is refused and not touched.
/// - A file that is neither old nor new state is damaged: it is moved to the subdirectory `damaged`, logged and reported once.
///
/// All methods block their thread for the short calls on files, and suspend only while others hold a session.
package final class FileSessionStore: ImmediateSessionStore {
    /// A creation that took longer may have been taken for the leftover of a crash; the sweeper waits twice as long.
    private static let longestCreation: Int64 = FileSessionSweeper.leftoverAge / 2

    let files: SessionFiles
    private let sweeper: FileSessionSweeper
    private let space: FreeSpaceMonitor
    private let onLockWait: @Sendable (LockWait) -> Void

    private var isDurable: Bool { self.files.isDurable }

    /// Opens the store's directory, creating it when it is absent.
    ///
    /// - Throws: ``SessionStoreError/Code/refused`` when the directory belongs to somebody else, when others can write it or put another in
    ///   its place, or when it lies on a network or FUSE file system; ``SessionStoreError/Code/full`` or
    ///   ``SessionStoreError/Code/unavailable`` when it cannot be made.
    ///
    /// - Parameter onLockWait: Told of each caller that had to wait for a session which another held.
    package convenience init(
        configuration: FileSessionStoreConfiguration,
        logger: Logger,
        onLockWait: @escaping @Sendable (LockWait) -> Void = { _ in }
    ) throws(SessionStoreError) {
        try self.init(configuration: configuration, logger: logger, faults: nil, onLockWait: onLockWait)
    }

    init(
        configuration: FileSessionStoreConfiguration,
        logger: Logger,
        faults: FileFaults?,
        onLockWait: @escaping @Sendable (LockWait) -> Void = { _ in }
    ) throws(SessionStoreError) {
        self.onLockWait = onLockWait
        self.files = try SessionFiles(configuration, logger: logger, faults: faults)
        self.sweeper = FileSessionSweeper(self.files)
        self.space = FreeSpaceMonitor(percent: configuration.reservedPercent)
    }

    // MARK: SessionStore

    package func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        var failedReads = 0
        while true {
            switch try self.look(name) {
            case .session(let session): return session
            case .absent: return nil
            case .unreadable(let file):
                // Two changes may have overtaken the read. Only who holds the lock may call it damage.
                failedReads += 1
                if failedReads > 3 { return try await self.files.inspect(file) }
            }
        }
    }

    package func readNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateRead {
        switch try self.look(name) {
        case .session(let session): .session(session)
        case .absent: .absent
        case .unreadable: .later
        }
    }

    private enum Look {
        case session(StoredSession)
        case absent
        case unreadable(SessionFile)
    }

    private func look(_ name: SessionName) throws(SessionStoreError) -> Look {
        while true {
            guard let (file, isFresh) = try self.files.file(named: name) else { return .absent }
            if !isFresh {
                guard try self.files.isInPlace(file) else { continue }
            }
            switch try self.files.load(file) {
            case .session(let session, _): return try self.files.hasEnded(session) ? .absent : .session(session)
            case .foreign: throw self.files.foreignForm(name)
            case .unfinished:
                self.files.cache.drop(file)
                return .absent
            case .removed:
                self.files.cache.drop(file)
                // The name may mean a new file by now; but one just opened means that the removal was interrupted.
                if isFresh { return .absent }
            case .unreadable: return .unreadable(file)
            }
        }
    }

    package func createNow(_ session: StoredSession, named name: SessionName) throws(SessionStoreError) {
        precondition(session.generation == 1, "a new session has generation 1")
        try self.add(session, named: name)
    }

    /// Adds a session of any generation.
    func add(_ session: StoredSession, named name: SessionName) throws(SessionStoreError) {
        try self.files.checkSize(session, name)
        let isAnonymous = session.state == .live && session.userTag == nil
        if isAnonymous && session.beginsNow { try self.checkRoom() }
        guard let layout = SlotLayout.holding(session.payload.count + SessionSlots.overhead) else {
            preconditionFailure("larger than any configuration allows")
        }
        let begin = BootClock.now()
        try self.files.index(session.userTag, name)
        let file: SessionFile
        do {
            file = try self.files.sheddingFiles { () throws(SystemCallError) in try self.files.directory.create(name, last: layout) }
        } catch  where error.isAlreadyThere {
            throw SessionStoreError(.nameTaken, message: "session \(name) exists already", cause: error)
        } catch {
            throw SessionStoreError(error, "creating session \(name)")
        }
        do {
            try file.writeFirst(session, isDurable: self.isDurable)
            try self.files.directory.synchronizeNames(of: file)
        } catch {
            self.undoCreation(of: file)
            throw SessionStoreError(error, "creating session \(name)")
        }
        guard BootClock.now() - begin < Self.longestCreation else {
            self.undoCreation(of: file)
            throw SessionStoreError(.unavailable, message: "creating session \(name) took too long")
        }
        self.files.cache.replace(with: file)
        if isAnonymous { self.files.control.countAnonymous() }
    }

    /// Refuses a session for somebody who is not logged in where there are too many of those or too little space.
    private func checkRoom() throws(SessionStoreError) {
        if let most = self.files.configuration.maximumAnonymousSessions, self.files.control.anonymous >= UInt64(most) {
            throw SessionStoreError(.full, message: "there are \(most) anonymous sessions already")
        }
        guard self.space.hasRoom(in: self.files.directory.root) else {
            throw SessionStoreError(
                .full,
                message: "the last \(self.files.configuration.reservedPercent) % of the space are for users who are logged in"
            )
        }
    }

    package func lockNow(_ name: SessionName) throws(SessionStoreError) -> ImmediateLock {
        while true {
            guard let file = try self.fileToLock(name) else { return .absent }
            guard let lock = try file.lockNow() else { return .later }
            if let held = try self.held(lock) { return .locked(held) }
        }
    }

    package func lock(_ name: SessionName, timeout: Duration) async throws(SessionStoreError) -> (any LockedSession)? {
        while true {
            guard let file = try self.fileToLock(name) else { return nil }
            let lock = try await self.waitForLock(of: file, timeout)
            if let held = try self.held(lock) { return held }
        }
    }

    /// Waits for a lock that another caller had a moment ago.
    private func waitForLock(of file: SessionFile, _ timeout: Duration) async throws(SessionStoreError) -> SessionFileLock {
        if let lock = try file.lockNow() { return lock }
        let start = ContinuousClock.now
        do throws(SessionStoreError) {
            let lock = try await file.lock(timeout: timeout, maximumWaiters: self.files.configuration.maximumWaiters)
            self.onLockWait(LockWait(duration: start.duration(to: .now), end: .locked))
            return lock
        } catch {
            self.onLockWait(LockWait(duration: start.duration(to: .now), end: .gaveUp))
            throw error
        }
    }

    private func fileToLock(_ name: SessionName) throws(SessionStoreError) -> SessionFile? {
        while true {
            guard let (file, isFresh) = try self.files.file(named: name) else { return nil }
            if file.file.isWritable || isFresh { return file }
            // Opened while the file system took no changes; that may have passed.
            self.files.cache.drop(file)
        }
    }

    /// The locked session; `nil` when the file's name leads elsewhere by now.
    private func held(_ lock: consuming SessionFileLock) throws(SessionStoreError) -> HeldSession? {
        guard let state = try self.files.state(under: lock) else { return nil }
        return HeldSession(lock, state, self.files)
    }

    /// A session's file with its lock, and what it says.
    private final class HeldSession: LockedSession {
        private let lock: SessionFileLock
        private let state: SessionFiles.State
        private let files: SessionFiles

        init(_ lock: consuming SessionFileLock, _ state: SessionFiles.State, _ files: SessionFiles) {
            self.lock = lock
            self.state = state
            self.files = files
        }

        var current: StoredSession? { self.state.session }

        func commit(_ change: SessionChange) throws(SessionStoreError) {
            try self.files.apply(change, under: self.lock, self.state)
        }
    }

    package func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        while true {
            guard let (file, _) = try self.files.file(named: name) else { return }
            let lock = try await file.lock(
                timeout: self.files.configuration.inspectionTimeout,
                maximumWaiters: self.files.configuration.maximumWaiters
            )
            guard let current = try self.files.state(under: lock) else { continue }
            guard let session = current.session, let position = current.position, session.generation == generation else { return }
            // The marker goes into the other slot: those who have the file open learn of it, and the suspicious bytes stay as they are.
            do throws(SystemCallError) {
                guard file.file.isWritable else { throw .readOnly }
                try file.markRemoved(over: position, isDurable: self.isDurable)
            } catch {
                throw SessionStoreError(error, "putting session \(name) aside")
            }
            self.files.moveAside(lock, "its bytes do not open")
            return
        }
    }

    package func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.sweeper.sweep(expiredAt: now, budget: budget)
    }

    package func names(ofUser tag: UserTag) async throws(SessionStoreError) -> [SessionName] {
        do {
            return try self.files.userIndex.names(ofUser: tag, in: self.files.directory.root)
        } catch {
            if case .system(let cause, let path) = error { throw SessionStoreError(cause, "listing \(path)") }
            throw SessionStoreError(.refused, message: "the index of users is not safe: \(error)", cause: error)
        }
    }

    package func epochNow() throws(SessionStoreError) -> UInt64 {
        try self.files.control.epoch(in: self.files.directory)
    }

    package func beginEpoch() async throws(SessionStoreError) {
        try self.files.control.beginEpoch(in: self.files.directory, isDurable: self.isDurable)
    }

    package var loginEpoch: UInt64 { self.files.control.loginEpoch }

    package func beginLoginEpoch() async throws(SessionStoreError) -> UInt64 {
        try self.files.control.beginLoginEpoch(in: self.files.directory)
    }

    package func endLogins(of tag: UserTag, before epoch: UInt64) async throws(SessionStoreError) {
        do {
            try self.files.loginEpochs.raise(tag, to: epoch, in: self.files.directory.root)
        } catch {
            throw SessionStoreError(error, "ending the sessions of a user")
        }
        // Behind the number itself, so that those who come to look find it.
        try self.files.control.raiseMark(of: tag, to: epoch, in: self.files.directory, isDurable: self.isDurable)
    }

    package func reindex() async throws(SessionStoreError) -> Int {
        try await self.sweeper.reindex()
    }

    private func undoCreation(of file: SessionFile) {
        do {
            try self.files.directory.remove(file)
        } catch {
            self.files.logger.warning(
                "the file of a session that could not be created stays for now",
                metadata: self.files.metadata(file.name, error)
            )
        }
    }
}

extension SessionStoreError {
    /// Maps what the system said; the only place where `errno` becomes a code.
    init(_ error: SystemCallError, _ action: String) {
        if error.isOutOfSpace {
            self.init(.full, message: "\(action): no space is left", cause: error)
        } else if error.isWrongKind {
            self.init(.refused, message: "\(action): it is not a session file of this user", cause: error)
        } else {
            self.init(.unavailable, message: "\(action) failed", cause: error)
        }
    }
}
