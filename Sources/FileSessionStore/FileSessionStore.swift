internal import ParanoidLinux
public import Logging
public import ParanoidSessions
internal import Synchronization

/// A store that keeps one file per session in a directory shared by all worker processes of a host.
///
/// - A change is written beside the state before it, never over it, with one `pwrite(2)` under the file's `flock(2)`; so a crash at any
///   instant leaves the old or the new state.
/// - Reads take no lock. An unchanged session that is kept open costs one `pread(2)`.
/// - Files have mode 0600 and belong to the process's user; whatever else has a session's name is refused and not touched.
/// - A file that is neither old nor new state is damaged: it is moved to the subdirectory `damaged`, logged and reported once.
///
/// All methods block their thread for the short calls on files, and suspend while others hold a session.
public final class FileSessionStore: SessionStore {
    /// A creation that took longer may have been taken for the leftover of a crash; the sweeper waits twice as long.
    private static let longestCreation: Int64 = FileSessionSweeper.leftoverAge / 2

    let directory: SessionDirectory
    let files: SessionFileCache
    let configuration: FileSessionStoreConfiguration
    let logger: Logger
    let sweeper = FileSessionSweeper()
    let control: SessionControlPage
    let userIndex: SessionUserIndex
    private let space: FreeSpaceMonitor
    private let refusals = Mutex<Set<SessionName>>([])
    private let faults: FileFaults?

    var isDurable: Bool { self.configuration.durability == .power }

    /// Opens the store's directory, creating it when it is absent.
    ///
    /// - Throws: ``SessionStoreError/Code/refused`` when the directory belongs to somebody else, when others can write it or put another in
    ///   its place, or when it lies on a network or FUSE file system; ``SessionStoreError/Code/full`` or
    ///   ``SessionStoreError/Code/unavailable`` when it cannot be made.
    public convenience init(configuration: FileSessionStoreConfiguration, logger: Logger) throws(SessionStoreError) {
        try self.init(configuration: configuration, logger: logger, faults: nil)
    }

    init(configuration: FileSessionStoreConfiguration, logger: Logger, faults: FileFaults?) throws(SessionStoreError) {
        self.configuration = configuration
        self.logger = logger
        self.faults = faults
        self.directory = try SessionDirectory(configuration, faults: faults)
        self.files = SessionFileCache(capacity: configuration.maximumOpenFiles)
        self.control = try SessionControlPage(in: self.directory.root)
        self.userIndex = SessionUserIndex(isDurable: configuration.durability == .power, faults: faults)
        self.space = FreeSpaceMonitor(percent: configuration.reservedPercent)
    }

    // MARK: SessionStore

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func read(_ name: SessionName) async throws(SessionStoreError) -> StoredSession? {
        var failedReads = 0
        while true {
            guard let (file, isFresh) = try self.file(named: name) else { return nil }
            if !isFresh {
                guard try self.isInPlace(file) else { continue }
            }
            switch try self.load(file) {
            case .session(let session, _): return self.control.hasEnded(session) ? nil : session
            case .foreign: throw self.foreignForm(name)
            case .unfinished:
                self.files.drop(file)
                return nil
            case .removed:
                self.files.drop(file)
                // The name may mean a new file by now; but one just opened means that the removal was interrupted.
                if isFresh { return nil }
            case .unreadable:
                // Two changes may have overtaken the read. Only who holds the lock may call it damage.
                failedReads += 1
                if failedReads > 3 { return try await self.inspect(file) }
            }
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func create(_ session: StoredSession, named name: SessionName) async throws(SessionStoreError) {
        precondition(session.generation == 1, "a new session has generation 1")
        try self.checkSize(session, name)
        let isAnonymous = session.state == .live && session.userTag.isEmpty
        if isAnonymous && session.beginsNow { try self.checkRoom() }
        guard let layout = SlotLayout.holding(session.payload.count + SessionSlots.overhead) else {
            preconditionFailure("larger than any configuration allows")
        }
        let begin = BootClock.now()
        try self.index(session.userTag, name)
        let file: SessionFile
        do {
            file = try self.sheddingFiles { () throws(SystemCallError) in try self.directory.create(name, last: layout) }
        } catch  where error.isAlreadyThere {
            throw SessionStoreError(.nameTaken, message: "session \(name) exists already", cause: error)
        } catch {
            throw SessionStoreError(error, "creating session \(name)")
        }
        do {
            try file.writeFirst(session, isDurable: self.isDurable)
            try self.directory.synchronizeNames(of: file)
        } catch {
            self.undoCreation(of: file)
            throw SessionStoreError(error, "creating session \(name)")
        }
        guard BootClock.now() - begin < Self.longestCreation else {
            self.undoCreation(of: file)
            throw SessionStoreError(.unavailable, message: "creating session \(name) took too long")
        }
        self.files.replace(with: file)
        if isAnonymous { self.control.countAnonymous() }
    }

    /// Refuses a session for somebody who is not logged in where there are too many of those or too little space.
    private func checkRoom() throws(SessionStoreError) {
        if let most = self.configuration.maximumAnonymousSessions, self.control.anonymous >= UInt64(most) {
            throw SessionStoreError(.full, message: "there are \(most) anonymous sessions already")
        }
        guard self.space.hasRoom(in: self.directory.root) else {
            throw SessionStoreError(
                .full,
                message: "the last \(self.configuration.reservedPercent) % of the space are for users who are logged in"
            )
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func modify<Result: Sendable>(
        _ name: SessionName,
        timeout: Duration,
        _ body: (StoredSession?) -> (change: SessionChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        while true {
            guard let (file, isFresh) = try self.file(named: name) else {
                let (change, result) = body(nil)
                if case .write = change { throw SessionStoreError(.gone, message: "there is no session \(name)") }
                return result
            }
            if !file.file.isWritable && !isFresh {
                // Opened while the file system took no changes; that may have passed.
                self.files.drop(file)
                continue
            }
            let hold = try await file.hold(timeout: timeout, maximumWaiters: self.configuration.maximumWaiters)
            guard let current = try self.currentState(of: hold) else { continue }
            let (change, result) = body(current.session)
            try self.apply(change, to: hold, current)
            return result
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func quarantine(_ name: SessionName, generation: UInt64) async throws(SessionStoreError) {
        while true {
            guard let (file, _) = try self.file(named: name) else { return }
            let hold = try await file.hold(
                timeout: self.configuration.inspectionTimeout,
                maximumWaiters: self.configuration.maximumWaiters
            )
            guard let current = try self.currentState(of: hold) else { continue }
            guard let session = current.session, let position = current.position, session.generation == generation else { return }
            // The marker goes into the other slot: those who have the file open learn of it, and the suspicious bytes stay as they are.
            do throws(SystemCallError) {
                guard file.file.isWritable else { throw .readOnly }
                try file.markRemoved(over: position, isDurable: self.isDurable)
            } catch {
                throw SessionStoreError(error, "putting session \(name) aside")
            }
            self.moveAside(hold, "its bytes do not open")
            return
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.sweeper.sweep(self, expiredAt: now, budget: budget)
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func names(ofUser tag: [UInt8]) async throws(SessionStoreError) -> [SessionName] {
        do {
            return try self.userIndex.names(ofUser: tag, in: self.directory.root)
        } catch {
            if case .system(let cause, let path) = error { throw SessionStoreError(cause, "listing \(path)") }
            throw SessionStoreError(.refused, message: "the index of users is not safe: \(error)", cause: error)
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func endAll(begunBy time: Timestamp) async throws(SessionStoreError) {
        // Opened while the file system took no changes? That may have passed; all mappings of the file show the same.
        let control = self.control.isWritable ? self.control : try SessionControlPage(in: self.directory.root)
        do {
            try control.endAll(begunBy: time, isDurable: self.isDurable)
        } catch {
            throw SessionStoreError(error, "ending all sessions")
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func reindex() async throws(SessionStoreError) -> Int {
        try await self.sweeper.reindex(self)
    }

    func checkSize(_ session: StoredSession, _ name: SessionName) throws(SessionStoreError) {
        let limit = self.configuration.maximumPayloadSize
        guard session.payload.count <= limit else {
            throw SessionStoreError(
                .tooLarge,
                message: "session \(name) has \(session.payload.count) bytes; \(limit) are allowed"
            )
        }
    }

    private func undoCreation(of file: SessionFile) {
        do {
            try self.directory.remove(file)
        } catch {
            self.logger.warning("the file of a session that could not be created stays for now", metadata: self.metadata(file.name, error))
        }
    }

    /// Logs something that is no session file but has the name of one, once.
    func logRefusal(_ error: SessionStoreError, _ name: SessionName) {
        let isNew = self.refusals.withLock { $0.count < 1024 && $0.insert(name).inserted }
        if isNew { self.logger.error("a session was refused", metadata: self.metadata(name, error)) }
    }

    func metadata(_ name: SessionName, _ error: some Error) -> Logger.Metadata {
        ["session.name": "\(name)", "error": "\(error)"]
    }
}
