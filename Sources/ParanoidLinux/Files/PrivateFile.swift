internal import Glibc

/// A small file that only its owner may read, such as one with secrets.
///
/// All calls block for as long as the disk takes.
package enum PrivateFile {
    /// Why a file is not used.
    package enum Failure: Error, Sendable, Hashable {
        /// A system call failed.
        case system(SystemCallError)
        /// It is no regular file, or a symbolic link of another user.
        case notAFile
        /// It belongs to another user.
        case foreignOwner
        /// Others can read or write it.
        case readableByOthers(permissions: UInt32)
        /// Its group can read or write it, and that cannot be taken away, as where the volume is mounted read-only.
        case notToBeClosed(permissions: UInt32)
        /// It lies in a directory in which others can put another file in its place.
        case directoryOfOthers(path: String, permissions: UInt32)
        /// It is larger than any such file.
        case tooLarge
        /// Its contents are not what they should be.
        case malformed(String)
    }

    /// What happens to access that the group of a file of ours has.
    package enum GroupAccess: Sendable {
        /// It is taken away: root gives it to every file of a volume (`fsGroup`).
        case takenAway
        /// The file is refused.
        case refused
    }

    /// Reads a file.
    ///
    /// Containers mount secrets as links, and as files of root that a group of the process may read: both are root's decision. Access that
    /// root has given to the group of a file of ours (`fsGroup`) is taken away; a file of root's that its group may only read stays as it is, also
    /// when root itself reads it.
    ///
    /// - Returns: Its bytes; `nil` when there is no such file.
    package static func read(_ path: String, groupAccess: GroupAccess = .takenAway, limit: Int = 65_536) throws(Failure) -> [UInt8]? {
        guard let file = try self.open(path) else { return nil }
        try Self.checkDirectories(of: path)
        var status: FileStatus
        do throws(SystemCallError) {
            status = try file.status()
            // Root's own group is nobody that root would mean.
            if groupAccess == .takenAway, !(Self.isOfRootForGroup(status) && status.group != 0) { status = try file.privateStatus() }
        } catch {
            throw .system(error)
        }
        guard status.kind == .regular else { throw .notAFile }
        guard status.isOwn || status.owner == 0 else { throw .foreignOwner }
        let isMeantForUs = Self.isOfRootForGroup(status) && (status.isOwn || ProcessIdentity.isMember(ofGroup: status.group))
        guard !status.isShared || isMeantForUs else {
            let isTried = groupAccess == .takenAway && status.isOwn && status.permissions & 0o007 == 0
            throw isTried ? .notToBeClosed(permissions: status.permissions) : .readableByOthers(permissions: status.permissions)
        }
        guard status.size <= limit else { throw .tooLarge }
        do { return try Self.contents(of: file, size: status.size) } catch { throw .system(error) }
    }

    /// Whether root has made a file for a group that may read it and no more.
    private static func isOfRootForGroup(_ status: FileStatus) -> Bool { status.owner == 0 && status.permissions & 0o037 == 0 }

    /// Refuses a file that somebody else could put another one in the place of: in its directory, or in that of what it links to.
    private static func checkDirectories(of path: String) throws(Failure) {
        var paths = [path]
        if let resolved = unsafe realpath(path, nil) {
            unsafe paths.append(String(cString: resolved))
            unsafe free(resolved)
        }
        for path in paths {
            let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
            let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            var facts = stat()
            guard unsafe stat(directory, &facts) == 0 else { continue }
            let status = FileStatus(facts)
            guard !status.isWritableByAll || status.permissions & 0o1000 != 0 || SecureDirectory.isVolume(status, at: directory) else {
                throw .directoryOfOthers(path: directory, permissions: status.permissions)
            }
        }
    }

    /// Opens a file, or what a link of ours or of root's leads to; `nil` when there is none.
    private static func open(_ path: String) throws(Failure) -> OpenFile? {
        var flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
        var facts = stat()
        if unsafe lstat(path, &facts) == 0, FileStatus(facts).kind == .symbolicLink {
            guard FileStatus(facts).isOwn || facts.st_uid == 0 else { throw .notAFile }
        } else {
            flags |= O_NOFOLLOW
        }
        let number = unsafe Glibc.open(path, flags)
        if number >= 0 { return OpenFile(owning: OwnedDescriptor(owning: number), isWritable: false) }
        let error = SystemCallError("open")
        switch error.code {
        case ENOENT: return nil
        case ELOOP: throw .notAFile
        default: throw .system(error)
        }
    }

    /// Creates a file with mode 0600, complete or not at all, and its directories with mode 0700.
    ///
    /// - Returns: Whether it was created; `false` when another process was faster, whose file stays as it is.
    package static func create(_ path: String, contents: [UInt8]) throws(Failure) -> Bool {
        Self.makeParents(of: path)
        return try Self.withTemporary(beside: path, contents: contents) { (temporary) throws(SystemCallError) in
            if unsafe link(temporary, path) == 0 { return true }
            let error = SystemCallError("link")
            if error.code == EEXIST { return false }
            throw error
        }
    }

    /// Puts other contents into a file: a reader finds the old ones or the new ones, also after the loss of power.
    package static func replace(_ path: String, contents: [UInt8]) throws(Failure) {
        try Self.withTemporary(beside: path, contents: contents) { (temporary) throws(SystemCallError) in
            guard unsafe rename(temporary, path) == 0 else { throw SystemCallError("rename") }
        }
    }

    /// Lends the name of a file with mode 0600 whose contents are on the disk, and takes that name away afterwards.
    private static func withTemporary<Outcome>(
        beside path: String,
        contents: [UInt8],
        _ body: (String) throws(SystemCallError) -> Outcome
    ) throws(Failure) -> Outcome {
        let temporary = "\(path).\(getpid())-\(SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })"
        do throws(SystemCallError) {
            let number = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard number >= 0 else { throw SystemCallError("open") }
            let file = OpenFile(owning: OwnedDescriptor(owning: number), isWritable: true)
            defer { _ = unsafe unlink(temporary) }
            try unsafe file.write(contents.span.bytes, at: 0)
            try file.synchronize()
            return try body(temporary)
        } catch {
            throw .system(error)
        }
    }

    /// Runs `body` while no other process is in such a call for the same file; waits for the others.
    package static func withLock<Outcome>(beside path: String, _ body: () throws -> Outcome) throws -> Outcome {
        let number = unsafe Glibc.open("\(path).lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw Failure.system(SystemCallError("open")) }
        let descriptor = OwnedDescriptor(owning: number)
        while flock(descriptor.number, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Failure.system(SystemCallError("flock")) }
        }
        return try body()
    }

    /// Creates the directories that lead to a path and are not there.
    ///
    /// - Parameters:
    ///   - path: The path; what follows its last slash is not made.
    ///   - group: Their group, if it is not to be the process's.
    ///   - mode: Their permissions.
    package static func makeParents(of path: String, group: UInt32? = nil, mode: UInt32 = 0o700) {
        let bytes = Array(path.utf8)
        for end in bytes.indices where bytes[end] == UInt8(ascii: "/") && end > 0 {
            let directory = String(decoding: bytes[..<end], as: UTF8.self)
            // One that is there already is fine; what is wrong with it shows when the file is opened.
            guard unsafe mkdir(directory, 0o700) == 0 else { continue }
            guard group != nil || mode != 0o700 else { continue }
            Self.open(directory, to: group, mode: mode)
        }
    }

    /// Opens a directory that was just made to others, and nothing that was put in its place since.
    private static func open(_ directory: String, to group: UInt32?, mode: UInt32) {
        let number = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { return }
        let opened = OwnedDescriptor(owning: number)
        var facts = stat()
        guard unsafe fstat(opened.number, &facts) == 0, facts.st_uid == geteuid(), facts.st_mode & 0o7777 == 0o700 else { return }
        // -1 leaves one as it is. The group changes before the directory is opened to it.
        guard fchown(opened.number, .max, group ?? .max) == 0 else { return }
        _ = fchmod(opened.number, mode_t(mode))
    }

    private static func contents(of file: OpenFile, size: Int) throws(SystemCallError) -> [UInt8] {
        var bytes: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 1)
        defer { unsafe chunk.deallocate() }
        while bytes.count < size {
            let count = unsafe try file.read(into: chunk, at: bytes.count)
            if count == 0 { break }
            unsafe bytes.append(contentsOf: chunk.prefix(count))
        }
        return bytes
    }
}

extension PrivateFile.Failure: CustomStringConvertible {
    /// What is wrong, for a message that names the file.
    package var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .notAFile: "it is not a regular file, or a symbolic link of another user"
        case .foreignOwner: "it belongs to another user"
        case .readableByOthers(let permissions):
            "others can read it (mode \(String(permissions, radix: 8))); it must be 600 or 400, or 640 or 440 for a file of root and a group of this process"
        case .notToBeClosed(let permissions):
            "its group can reach it (mode \(String(permissions, radix: 8))), and that cannot be changed here; mount the volume with mode 440 or 400 "
                + "(`defaultMode`), or writable"
        case .directoryOfOthers(let path, let permissions):
            "others can put another file in its place, as they can write \(path) (mode \(String(permissions, radix: 8))); take that away (chmod o-w)"
        case .tooLarge: "it is too large"
        case .malformed(let problem): problem
        }
    }
}
