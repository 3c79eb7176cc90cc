internal import Logging
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The sessions of a directory as files: opens them, tells what they say, and changes them under their locks.
///
/// The store offers it to requests, the sweeper uses it beside them.
final class SessionFiles: Sendable {
    /// How often at most a file's name is looked at, in nanoseconds, to notice what somebody does by hand.
    private static let checkInterval: Int64 = 1_000_000_000

    let directory: SessionDirectory
    let cache: SessionFileCache
    let control: SessionControlPage
    let userIndex: SessionUserIndex
    let loginEpochs: SessionLoginEpochs
    let configuration: FileSessionStoreConfiguration
    let logger: Logger
    private let refused = Mutex<Set<SessionName>>([])

    var isDurable: Bool { self.configuration.durability == .power }

    /// Opens the directory, creating it when it is absent.
    init(_ configuration: FileSessionStoreConfiguration, logger: Logger, faults: FileFaults?) throws(SessionStoreError) {
        self.configuration = configuration
        self.logger = logger
        self.directory = try SessionDirectory(configuration, faults: faults)
        if let mode = self.directory.root.formerPermissions, mode & 0o020 != 0 {
            logger.warning(
                "others could write the session directory; that access is taken away",
                metadata: ["directory": "\(configuration.directory)", "mode": "\(String(mode, radix: 8))"]
            )
        }
        self.cache = SessionFileCache(capacity: configuration.maximumOpenFiles)
        self.control = try SessionControlPage(in: self.directory, logger: logger)
        self.userIndex = SessionUserIndex(isDurable: configuration.durability == .power, faults: faults)
        self.loginEpochs = SessionLoginEpochs(isDurable: configuration.durability == .power, faults: faults)
    }

    // MARK: Opening

    /// The open file of a session, and whether it was opened just now; `nil` when there is none.
    func file(named name: SessionName) throws(SessionStoreError) -> (file: SessionFile, isFresh: Bool)? {
        if let file = self.cache.file(named: name) { return (file, false) }
        do {
            guard let file = try self.sheddingFiles({ () throws(SessionStoreError) in try self.directory.open(name) }) else { return nil }
            let kept = self.cache.keep(file)
            return (kept, kept === file)
        } catch {
            if error.code == .refused { self.logRefusal(error, name) }
            throw error
        }
    }

    /// Opens something; when the process has no descriptors left, closes some session files and tries again.
    func sheddingFiles<Opened, Failure: Error>(_ open: () throws(Failure) -> Opened) throws(Failure) -> Opened {
        do {
            return try open()
        } catch {
            let cause = error as? SystemCallError ?? (error as? SessionStoreError)?.cause as? SystemCallError
            guard cause?.isOutOfDescriptors == true, self.cache.shed() else { throw error }
            return try open()
        }
    }

    /// Whether the file's name still leads to it, asked of the system at most once a second.
    ///
    /// A file out of its place is forgotten.
    func isInPlace(_ file: SessionFile) throws(SessionStoreError) -> Bool {
        guard file.isCheckDue(after: Self.checkInterval) else { return true }
        do {
            if try self.directory.leads(to: file) { return true }
        } catch {
            throw SessionStoreError(error, "looking for session \(file.name)")
        }
        self.cache.drop(file)
        return false
    }

    func load(_ file: SessionFile) throws(SessionStoreError) -> SessionFile.Contents {
        do { return try file.load() } catch { throw SessionStoreError(error, "reading session \(file.name)") }
    }

    /// Whether a session has ended because all sessions of its epoch have, or all of its user that are as old.
    func hasEnded(_ session: StoredSession) throws(SessionStoreError) -> Bool {
        switch try self.control.standing(of: session, in: self.directory) {
        case .current: return false
        case .ended: return true
        case .doubtful(let tag, let mark):
            do {
                return try self.loginEpochs.hasEnded(tag, session.loginEpoch, mark: mark, in: self.directory.root)
            } catch {
                if case .system(let cause, let path) = error { throw SessionStoreError(cause, "listing \(path)") }
                throw SessionStoreError(.refused, message: "the list of ended logins is not safe: \(error)", cause: error)
            }
        }
    }

    // MARK: Under the lock

    /// What a session is while it is locked.
    struct State {
        /// `nil` when there is none, although there is a file.
        var session: StoredSession?
        var position: SessionSlots.Position?
    }

    /// What the locked file says; `nil` when its name leads elsewhere by now, and the caller has to look again.
    ///
    /// - Throws: `damaged` when it says nothing; it has been moved aside then.
    func state(under lock: borrowing SessionFileLock) throws(SessionStoreError) -> State? {
        let file = lock.file
        guard try self.isInPlace(file) else { return nil }
        switch try self.load(file) {
        // One that ended with all others is left for the sweeper.
        case .session(let session, let position):
            return try self.hasEnded(session) ? State() : State(session: session, position: position)
        case .foreign: throw self.foreignForm(file.name)
        case .unfinished: return State()
        case .removed:
            self.cache.drop(file)
            // Whoever removed it may have died before its name was gone. The name stays the file's as long as we have its lock.
            do {
                if try self.directory.leads(to: file) { try self.directory.remove(file) }
            } catch {
                throw SessionStoreError(error, "removing session \(file.name)")
            }
            return nil
        case .unreadable:
            guard self.moveAside(lock, "it is neither the old nor the new state") else { return nil }
            throw SessionStoreError(.damaged, message: "the file of session \(file.name) is damaged and was moved aside")
        }
    }

    func apply(_ change: SessionChange, under lock: borrowing SessionFileLock, _ current: State) throws(SessionStoreError) {
        let file = lock.file
        if case .keep = change { return }
        guard let session = current.session, let position = current.position else {
            if case .write = change { throw SessionStoreError(.gone, message: "there is no session \(file.name)") }
            return
        }
        if case .write(let new) = change {
            precondition(new.generation == session.generation + 1, "a change counts the generation up by 1")
            try self.checkSize(new, file.name)
            // Before the session carries the tag, so that no death in between leaves a session that nobody can find.
            if new.userTag != session.userTag { try self.index(new.userTag, file.name) }
        }
        do throws(SystemCallError) {
            guard file.file.isWritable else { throw .readOnly }
            switch change {
            case .keep: break
            case .write(let new): try file.write(new, over: position, isDurable: self.isDurable)
            case .remove: try self.remove(lock, at: position)
            }
        } catch {
            throw SessionStoreError(error, "writing session \(file.name)")
        }
        if case .write(let new) = change, new.userTag == session.userTag { return }
        if let tag = session.userTag { self.userIndex.remove(tag, file.name, in: self.directory.root) }
    }

    /// Makes a session that carries a tag findable.
    func index(_ tag: UserTag?, _ name: SessionName) throws(SessionStoreError) {
        guard let tag else { return }
        do throws(SystemCallError) { _ = try self.userIndex.add(tag, name, in: self.directory.root) } catch {
            throw SessionStoreError(error, "indexing session \(name)")
        }
    }

    func foreignForm(_ name: SessionName) -> SessionStoreError {
        SessionStoreError(.refused, message: "session \(name) was written by a newer version of this software")
    }

    /// Removes the locked session: marked first, so that all who have the file open learn it, and then the name.
    func remove(_ lock: borrowing SessionFileLock, at position: SessionSlots.Position) throws(SystemCallError) {
        try lock.file.markRemoved(over: position, isDurable: self.isDurable)
        self.cache.drop(lock.file)
        do {
            try self.directory.remove(lock.file)
        } catch {
            // The marker counts; the sweeper will find the name.
            self.logger.warning("a removed session's file stays for now", metadata: self.metadata(lock.file.name, error))
        }
    }

    /// Moves a file aside and logs it.
    ///
    /// - Returns: `false` when the name leads elsewhere by now: somebody else was first.
    @discardableResult
    func moveAside(_ lock: borrowing SessionFileLock, _ reason: String) -> Bool {
        let file = lock.file
        self.cache.drop(file)
        do {
            guard try self.directory.leads(to: file) else { return false }
            try self.directory.moveAside(file)
            self.logger.error(
                "a session file was moved aside",
                metadata: ["session.file": "\(file.name)", "reason": "\(reason)"]
            )
        } catch {
            self.logger.error("a damaged session file cannot be moved aside", metadata: self.metadata(file.name, error))
        }
        return true
    }

    /// Looks under the lock at a file that could not be read without.
    func inspect(_ file: SessionFile) async throws(SessionStoreError) -> StoredSession? {
        let lock: SessionFileLock
        do {
            lock = try await file.lock(
                timeout: self.configuration.inspectionTimeout,
                maximumWaiters: self.configuration.maximumWaiters
            )
        } catch {
            throw SessionStoreError(.unavailable, message: "session \(file.name) cannot be inspected", cause: error)
        }
        return try self.state(under: lock)?.session
    }

    // MARK: Trouble

    func checkSize(_ session: StoredSession, _ name: SessionName) throws(SessionStoreError) {
        let limit = self.configuration.maximumPayloadSize
        guard session.payload.count <= limit else {
            throw SessionStoreError(
                .tooLarge,
                message: "session \(name) has \(session.payload.count) bytes; \(limit) are allowed"
            )
        }
    }

    /// Logs something that is no session file but has the name of one, once.
    func logRefusal(_ error: SessionStoreError, _ name: SessionName) {
        let isNew = self.refused.withLock { $0.count < 1024 && $0.insert(name).inserted }
        if isNew { self.logger.error("a session was refused", metadata: self.metadata(name, error)) }
    }

    func metadata(_ name: SessionName, _ error: some Error) -> Logger.Metadata {
        ["session.file": "\(name)", "error": "\(error)"]
    }
}
