internal import Logging
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The few numbers that all workers of a store share without a system call: a page of memory behind the file `control`.
///
/// Somebody may remove the file, such as a cleaner of temporary files. Each worker looks at its name once a second: it makes the file anew with
/// the numbers it knows, or goes over to the one that another worker has made. A process that starts and finds sessions but no file cannot
/// know which of them have been revoked, so it begins an epoch that is later than any before: all sessions end. A file that is cut short or
/// overwritten with zeros while it is in use is damaged: nobody is served until it was removed or put back.
final class SessionControlPage: Sendable {
    static let file = "control"
    private static let magic: UInt64 = 0x5053_4354_0000_0002  // "PSCT", version 2
    private static let checkInterval: Int64 = 1_000_000_000

    private enum Word: Int {
        case magic = 0
        /// Sessions of earlier epochs have ended.
        case epoch = 1
        /// Anonymous sessions made so far, by all workers.
        case anonymousMade = 2
        /// Anonymous sessions that the last whole sweep found.
        case anonymousFound = 3
        /// How many had been made when that sweep began.
        case anonymousMadeBefore = 4
        /// The number that logins carry; pages of earlier releases have a zero here and behind it.
        case loginEpoch = 5
    }

    /// Where the marks of the groups of users begin; they go to the end of the page.
    private static let firstMark = 64

    private struct Mapping {
        var page: SharedMemory
        var identity: FileIdentity
        var checkedAt: Int64

        subscript(word: Word) -> UInt64 { self.page.load(word.rawValue) }

        /// Whether the numbers are still the file's, see ``SharedMemory``.
        var isWhole: Bool { self[.magic] == SessionControlPage.magic }
    }

    private let mapping: Mutex<Mapping>
    /// The page of the mapping, for requests that only read.
    private let published: PublishedMemory
    private let logger: Logger

    /// Maps the file, making it where it is not there.
    ///
    /// - Throws: `refused` for a file that is none of ours, `full` when there is no room for it: without it nobody could tell who has been
    ///   logged out.
    init(in directory: borrowing SessionDirectory, logger: Logger) throws(SessionStoreError) {
        self.logger = logger
        let known = try Self.open(in: directory)
        let mapping = if let known { known } else { try Self.createFresh(in: directory, logger: logger) }
        self.mapping = Mutex(mapping)
        self.published = PublishedMemory(mapping.page, checkedAt: mapping.checkedAt)
    }

    private static func createFresh(in directory: borrowing SessionDirectory, logger: Logger) throws(SessionStoreError) -> Mapping {
        let holdsSessions = try Self.holdsSessions(directory)
        // Later than all epochs there can have been: they are counted from such a time, or from 0. So are those of logins.
        // Microseconds, which other stores count in too.
        let epoch = holdsSessions ? UInt64(clamping: WallClock.nanosecondsSinceEpoch() / 1000) : 0
        if holdsSessions {
            logger.error(
                "the file control of the session directory is gone, and with it the knowledge of what was revoked: all sessions end"
            )
        }
        return try Self.create([Self.magic, epoch, 0, 0, 0, epoch], in: directory)
    }

    private static func holdsSessions(_ directory: borrowing SessionDirectory) throws(SessionStoreError) -> Bool {
        do throws(SystemCallError) {
            return try directory.root.entries().contains(where: SessionDirectory.shards.contains)
        } catch {
            throw SessionStoreError(error, "listing the session directory")
        }
    }

    /// Maps the file that is there; `nil` when there is none.
    private static func open(in directory: borrowing SessionDirectory) throws(SessionStoreError) -> Mapping? {
        let identity: FileIdentity
        let page: SharedMemory
        do {
            guard let found = try directory.root.openFile(Self.file) else { return nil }
            let status = try found.privateStatus()
            if let objection = SessionDirectory.objection(to: status) {
                throw SessionStoreError(.refused, message: "the file \(Self.file) of the session directory \(objection)")
            }
            guard status.size == SharedMemory.byteCount else { throw Self.damaged() }
            identity = status.identity
            page = try SharedMemory(mapping: found)
        } catch let error as SessionStoreError {
            throw error
        } catch let error as SystemCallError {
            throw SessionStoreError(error, "opening the file \(Self.file) of the session directory")
        } catch {
            throw SessionStoreError(.unavailable, message: "the file \(Self.file) cannot be used", cause: error)
        }
        guard page.load(Word.magic.rawValue) == Self.magic else { throw Self.damaged() }
        return Mapping(page: page, identity: identity, checkedAt: CoarseClock.now())
    }

    private static func damaged() -> SessionStoreError {
        SessionStoreError(
            .refused,
            message: "the file \(Self.file) of the session directory is damaged or of another version; remove it to end all sessions"
        )
    }

    /// Makes the file, unless another process was faster, and maps it.
    ///
    /// It gets its name when it is complete. All its bytes are written, so that it has its space before it is mapped: a full disk is an error
    /// here, and not the death of the process later.
    private static func create(_ words: [UInt64], in directory: borrowing SessionDirectory) throws(SessionStoreError) -> Mapping {
        let temporary = "\(Self.file).\(SessionName.digits(of: SystemRandom.bytes(8)))"
        do throws(SystemCallError) {
            let file = try directory.root.createFile(temporary)
            do throws(SystemCallError) {
                var bytes = [UInt8](repeating: 0, count: SharedMemory.byteCount)
                for (index, word) in words.enumerated() {
                    unsafe bytes.withUnsafeMutableBytes { unsafe $0.storeBytes(of: word, toByteOffset: 8 * index, as: UInt64.self) }
                }
                try unsafe file.write(bytes.span.bytes, at: 0)
                try file.synchronize()
                try directory.root.move(temporary, to: Self.file)
            } catch {
                try? directory.root.removeFile(temporary)
                if !error.isAlreadyThere { throw error }
            }
        } catch {
            throw SessionStoreError(error, "making the file \(Self.file) of the session directory")
        }
        guard let mapping = try Self.open(in: directory) else {
            throw SessionStoreError(.unavailable, message: "the file \(Self.file) of the session directory vanished while it was made")
        }
        return mapping
    }

    /// The page, after a look at the file's name if that is due.
    private func page(in directory: borrowing SessionDirectory, looksNow: Bool = false) throws(SessionStoreError) -> SharedMemory {
        let now = CoarseClock.now()
        if !looksNow {
            let known = self.published.read { page, checkedAt in
                now - checkedAt < Self.checkInterval && page.load(Word.magic.rawValue) == Self.magic ? page : nil
            }
            if let known { return known }
        }
        return try self.mapping.withLock { (mapping) throws(SessionStoreError) in
            defer { self.published.publish(mapping.page, checkedAt: mapping.checkedAt) }
            guard looksNow || now - mapping.checkedAt >= Self.checkInterval || !mapping.isWhole else { return mapping.page }
            try directory.checkPlace()
            let status: FileStatus?
            do throws(SystemCallError) { status = try directory.root.status(of: Self.file) } catch {
                throw SessionStoreError(error, "looking for the file \(Self.file) of the session directory")
            }
            // Opened while the file system took no changes? That may have passed; all mappings of the file show the same.
            if status?.identity == mapping.identity && mapping.isWhole && (mapping.page.isWritable || !looksNow) {
                mapping.checkedAt = now
                return mapping.page
            }
            mapping = try self.successor(of: mapping, in: directory)
            return mapping.page
        }
    }

    /// The file that is there now, or a new one, with what the mapping before knows.
    private func successor(of mapping: Mapping, in directory: borrowing SessionDirectory) throws(SessionStoreError) -> Mapping {
        let words = (0..<mapping.page.wordCount).map { mapping.page.load($0) }
        guard mapping.isWhole else {
            if let other = try Self.open(in: directory) { return other }
            return try Self.createFresh(in: directory, logger: self.logger)
        }
        let current: Mapping
        if let other = try Self.open(in: directory) {
            current = other
        } else {
            self.logger.error("the file control of the session directory was removed; it is made anew")
            current = try Self.create(words, in: directory)
        }
        if current.page.isWritable {
            for index in [Word.epoch.rawValue, Word.loginEpoch.rawValue] + Array(Self.firstMark..<words.count) {
                current.page.raise(to: words[index], at: index)
            }
        }
        return current
    }

    /// Refuses numbers that were read, or written, when the file was cut or overwritten meanwhile.
    private static func check(_ page: SharedMemory) throws(SessionStoreError) {
        guard page.load(Word.magic.rawValue) == Self.magic else { throw Self.damaged() }
    }

    // MARK: Epochs

    /// The epoch of sessions that begin now; those of earlier ones have ended.
    func epoch(in directory: borrowing SessionDirectory) throws(SessionStoreError) -> UInt64 {
        let page = try self.page(in: directory)
        let epoch = page.load(Word.epoch.rawValue)
        try Self.check(page)
        return epoch
    }

    /// Ends all sessions.
    func beginEpoch(in directory: borrowing SessionDirectory, isDurable: Bool) throws(SessionStoreError) {
        let page = try self.page(in: directory, looksNow: true)
        do throws(SystemCallError) {
            guard page.isWritable else { throw .readOnly }
            page.add(1, at: Word.epoch.rawValue)
            if isDurable { try page.synchronize() }
        } catch {
            throw SessionStoreError(error, "ending all sessions")
        }
        try Self.check(page)
    }

    /// Raises both numbers to at least these.
    func raise(to numbers: SessionStoreNumbers, in directory: borrowing SessionDirectory, isDurable: Bool) throws(SessionStoreError) {
        let page = try self.page(in: directory, looksNow: true)
        do throws(SystemCallError) {
            guard page.isWritable else { throw .readOnly }
            page.raise(to: numbers.epoch, at: Word.epoch.rawValue)
            page.raise(to: numbers.loginEpoch, at: Word.loginEpoch.rawValue)
            if isDurable { try page.synchronize() }
        } catch {
            throw SessionStoreError(error, "raising the numbers of the session directory")
        }
        try Self.check(page)
    }

    // MARK: Epochs of logins

    /// The number that logins carry from now on; no look at the file, so that it may be a second old after somebody has removed that.
    var loginEpoch: UInt64 { self.published.read { page, _ in page.load(Word.loginEpoch.rawValue) } }

    /// Draws the next number for logins.
    func beginLoginEpoch(in directory: borrowing SessionDirectory) throws(SessionStoreError) -> UInt64 {
        let page = try self.page(in: directory, looksNow: true)
        guard page.isWritable else { throw SessionStoreError(.readOnly, "drawing a number for logins") }
        let number = page.add(1, at: Word.loginEpoch.rawValue)
        try Self.check(page)
        return number
    }

    /// Lets all workers look closely at logins of a group of users that carry a lower number.
    func raiseMark(of tag: UserTag, to epoch: UInt64, in directory: borrowing SessionDirectory, isDurable: Bool) throws(SessionStoreError) {
        let page = try self.page(in: directory, looksNow: true)
        do throws(SystemCallError) {
            guard page.isWritable else { throw .readOnly }
            page.raise(to: epoch, at: Self.mark(of: tag, in: page))
            if isDurable { try page.synchronize() }
        } catch {
            throw SessionStoreError(error, "ending the sessions of a user")
        }
        try Self.check(page)
    }

    /// What the numbers say of a session.
    enum Standing {
        case current
        /// All sessions of its time have ended.
        case ended
        /// Its login may have ended: it does not reach the mark of its group.
        case doubtful(UserTag, mark: UInt64)
    }

    func standing(of session: StoredSession, in directory: borrowing SessionDirectory) throws(SessionStoreError) -> Standing {
        let page = try self.page(in: directory)
        let epoch = page.load(Word.epoch.rawValue)
        let tag = session.userTag
        let mark = tag.map { page.load(Self.mark(of: $0, in: page)) } ?? 0
        try Self.check(page)
        if session.epoch < epoch { return .ended }
        guard let tag else { return .current }
        return session.loginEpoch < mark ? .doubtful(tag, mark: mark) : .current
    }

    /// Which mark is that of a user's group: the tag is a keyed hash, so its bytes are spread evenly.
    private static func mark(of tag: UserTag, in page: SharedMemory) -> Int {
        let word = tag.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        return self.firstMark + word % (page.wordCount - self.firstMark)
    }

    // MARK: Anonymous sessions

    /// About how many anonymous sessions there are: what the last sweep found, and those made since it began.
    var anonymous: UInt64 {
        self.mapping.withLock { $0[.anonymousFound] &+ ($0[.anonymousMade] &- $0[.anonymousMadeBefore]) }
    }

    /// Counts one that was made.
    func countAnonymous() {
        self.mapping.withLock { mapping in
            if mapping.page.isWritable { mapping.page.add(1, at: Word.anonymousMade.rawValue) }
        }
    }

    /// What ``anonymousMade`` is when a sweep begins.
    var anonymousMade: UInt64 { self.mapping.withLock { $0[.anonymousMade] } }

    /// Notes what a whole sweep found.
    func note(anonymous found: Int, madeBefore: UInt64) {
        self.mapping.withLock { mapping in
            guard mapping.page.isWritable else { return }
            mapping.page.store(UInt64(found), at: Word.anonymousFound.rawValue)
            mapping.page.store(madeBefore, at: Word.anonymousMadeBefore.rawValue)
        }
    }
}
