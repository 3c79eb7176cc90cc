internal import ParanoidLinux
internal import ParanoidSessions

/// The few numbers that all workers of a store share without a system call: a page of memory behind the file `control`.
struct SessionControlPage: Sendable {
    static let file = "control"
    private static let magic: UInt64 = 0x5053_4354_0000_0001  // "PSCT", version 1

    private enum Word: Int {
        case magic = 0
        /// Sessions that began by this time have ended, in nanoseconds since the epoch; 0: none.
        case endedBy = 1
        /// Anonymous sessions made so far, by all workers.
        case anonymousMade = 2
        /// Anonymous sessions that the last whole sweep found.
        case anonymousFound = 3
        /// How many had been made when that sweep began.
        case anonymousMadeBefore = 4
    }

    private let page: SharedMemory

    /// Maps the file, making it where it is not there.
    ///
    /// - Throws: `refused` for a file that is none of ours; without it nobody could tell who has been logged out.
    init(in root: borrowing SecureDirectory) throws(SessionStoreError) {
        do {
            let file = try root.openOrCreateFile(Self.file)
            if let objection = SessionDirectory.objection(to: try file.status()) {
                throw SessionStoreError(.refused, message: "the file \(Self.file) of the session directory \(objection)")
            }
            self.page = try SharedMemory(mapping: file)
        } catch let error as SessionStoreError {
            throw error
        } catch let error as SystemCallError {
            throw SessionStoreError(error, "opening the file \(Self.file) of the session directory")
        } catch {
            throw SessionStoreError(.unavailable, message: "the file \(Self.file) cannot be used", cause: error)
        }
        if self[.magic] == 0 && self.page.isWritable { self.page.store(Self.magic, at: Word.magic.rawValue) }
        guard self[.magic] == Self.magic else {
            throw SessionStoreError(
                .refused,
                message: "the file \(Self.file) of the session directory is damaged or of another version; remove it if nobody has to"
                    + " stay logged out because of revokeEveryone"
            )
        }
    }

    /// Whether the file could be opened for writing.
    var isWritable: Bool { self.page.isWritable }

    private subscript(word: Word) -> UInt64 { self.page.load(word.rawValue) }

    // MARK: Everybody

    /// Whether a session has ended because all sessions that began when it did have.
    func hasEnded(_ session: StoredSession) -> Bool {
        let limit = self[.endedBy]
        return limit != 0 && session.createdAt.nanosecondsSinceEpoch <= Int64(bitPattern: limit)
    }

    /// Ends all sessions that began by a time.
    func endAll(begunBy time: Timestamp, isDurable: Bool) throws(SystemCallError) {
        guard self.page.isWritable else { throw .readOnly }
        self.page.raise(to: UInt64(clamping: time.nanosecondsSinceEpoch), at: Word.endedBy.rawValue)
        if isDurable { try self.page.synchronize() }
    }

    // MARK: Anonymous sessions

    /// About how many anonymous sessions there are: what the last sweep found, and those made since it began.
    var anonymous: UInt64 { self[.anonymousFound] &+ (self[.anonymousMade] &- self[.anonymousMadeBefore]) }

    /// Counts one that was made.
    func countAnonymous() {
        if self.page.isWritable { self.page.add(1, at: Word.anonymousMade.rawValue) }
    }

    /// What ``anonymousMade`` is when a sweep begins.
    var anonymousMade: UInt64 { self[.anonymousMade] }

    /// Notes what a whole sweep found.
    func note(anonymous found: Int, madeBefore: UInt64) {
        guard self.page.isWritable else { return }
        self.page.store(UInt64(found), at: Word.anonymousFound.rawValue)
        self.page.store(madeBefore, at: Word.anonymousMadeBefore.rawValue)
    }
}
