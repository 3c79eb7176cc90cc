internal import ParanoidLinux
internal import ParanoidSessions

/// How often at most a file's name is looked at, in nanoseconds, to notice what somebody does by hand.
private let checkInterval: Int64 = 1_000_000_000

// How the store comes by open files.
extension FileSessionStore {
    /// The open file of a session, and whether it was opened just now; `nil` when there is none.
    func file(named name: SessionName) throws(SessionStoreError) -> (file: SessionFile, isFresh: Bool)? {
        if let file = self.files.file(named: name) { return (file, false) }
        do {
            guard let file = try self.sheddingFiles({ () throws(SessionStoreError) in try self.directory.open(name) }) else { return nil }
            let kept = self.files.keep(file)
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
            guard cause?.isOutOfDescriptors == true, self.files.shed() else { throw error }
            return try open()
        }
    }

    /// Whether the file's name still leads to it, asked of the system at most once a second.
    ///
    /// A file out of its place is forgotten.
    func isInPlace(_ file: SessionFile) throws(SessionStoreError) -> Bool {
        guard file.isCheckDue(after: checkInterval) else { return true }
        do {
            if try self.directory.leads(to: file) { return true }
        } catch {
            throw SessionStoreError(error, "looking for session \(file.name)")
        }
        self.files.drop(file)
        return false
    }

    func load(_ file: SessionFile) throws(SessionStoreError) -> SessionFile.Contents {
        do { return try file.load() } catch { throw SessionStoreError(error, "reading session \(file.name)") }
    }
}
