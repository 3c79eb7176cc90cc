internal import Glibc

/// The name of a listening unix socket in the file system, recognised by device and inode so that only our own is ever removed.
package struct UnixSocketFile: Sendable, Hashable {
    /// The right to connect to a socket, which is the right to write to it.
    package struct Permissions: Sendable, Hashable {
        /// The permission bits.
        package var mode: UInt32
        /// The number of its owner; `nil`: the process's user.
        package var owner: UInt32?
        /// The number of its group; `nil`: the process's group.
        package var group: UInt32?

        /// Names them.
        package init(mode: UInt32 = 0o660, owner: UInt32? = nil, group: UInt32? = nil) {
            self.mode = mode
            self.owner = owner
            self.group = group
        }

        /// Whether nobody but the owner can connect through a directory that is made for the socket.
        ///
        /// - Parameter hasGroup: Whether somebody has named the group.
        package func admitsOnlyOwner(hasGroup: Bool) -> Bool { self.mode & 0o002 == 0 && !(hasGroup && self.mode & 0o020 != 0) }

        /// The permissions that a directory needs so that every user with the right to connect reaches the socket in it.
        var directoryMode: UInt32 {
            // A group that may connect and was not named is the process's own, for which nothing is opened.
            let group: UInt32 = self.mode & 0o020 != 0 && self.group != nil ? 0o050 : 0
            return 0o700 | group | (self.mode & 0o002 != 0 ? 0o055 : 0)
        }
    }

    /// Why a socket could not be put under its name.
    package enum Failure: Error, Sendable, Hashable {
        /// The path is empty, longer than `sun_path`, or has a zero byte.
        case unusablePath
        /// Another process answers on the socket that has the name.
        case inUse
        /// Something that is not a socket has the name; it is never removed.
        case notASocket
        /// Another process has held the directory's lock for two seconds.
        case busy
        /// The directory cannot be reached.
        case way(ReachedDirectory.Failure)
        /// Any other refusal of the system.
        case system(SystemCallError)
    }

    /// The path as given.
    package let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Creates a listening socket under `path`; an old socket file is replaced if no process answers on it.
    ///
    /// The socket is bound under another name, gets its owner and mode, starts to listen and is then renamed, so that a program that sees the name may
    /// connect. All this is done under `flock(2)` on the directory: of several processes that start at once, one gets the name and the
    /// others see it answer. Blocks for two seconds at most.
    package static func listen(at path: String, permissions: Permissions, backlog: CInt) throws(Failure) -> ListeningUnixSocket {
        try Self.listen(at: path, by: path, permissions, backlog)
    }

    /// The same for a process of root's that works for a user: the directories to the socket are made, and all is done as ``ReachedDirectory`` says.
    package static func listen(
        at path: String,
        for user: ProcessIdentity,
        permissions: Permissions,
        backlog: CInt
    ) throws(Failure) -> ListeningUnixSocket {
        guard SocketAddress(unixPath: path) != nil else { throw .unusablePath }
        let making = ReachedDirectory.Making(group: permissions.group, mode: permissions.directoryMode)
        return try Self.listen(at: path, in: Self.reach(path, for: user, making), for: user, permissions, backlog)
    }

    private static func reach(
        _ path: String,
        for user: ProcessIdentity,
        _ making: ReachedDirectory.Making
    ) throws(Failure) -> ReachedDirectory {
        do throws(ReachedDirectory.Failure) {
            return try ReachedDirectory(of: path, for: user, making: making)
        } catch {
            throw .way(error)
        }
    }

    private static func listen(
        at path: String,
        in place: borrowing ReachedDirectory,
        for user: ProcessIdentity,
        _ permissions: Permissions,
        _ backlog: CInt
    ) throws(Failure) -> ListeningUnixSocket {
        let way = place.path
        if place.isRoots { return try Self.listen(at: path, by: way, permissions, backlog) }
        var mine = permissions
        // Only root gives it to another owner.
        mine.owner = nil
        let asked = mine
        let listening = try place.acting(group: permissions.group) { () throws(Failure) in
            try Self.listen(at: path, by: way, asked, backlog)
        }
        guard let owner = permissions.owner, owner != user.user else { return listening }
        do throws(SystemCallError) {
            try place.giveSocket(to: owner, group: permissions.group)
        } catch {
            listening.file.remove(at: way)
            throw .system(error)
        }
        return listening
    }

    /// - Parameters:
    ///   - path: The name of the socket from now on.
    ///   - way: A path that leads to the same name now.
    private static func listen(
        at path: String,
        by way: String,
        _ permissions: Permissions,
        _ backlog: CInt
    ) throws(Failure) -> ListeningUnixSocket {
        let directory = Self.directory(of: way)
        let temporary = "\(directory)/.\(UInt32.random(in: 0 ... .max))"
        guard SocketAddress(unixPath: path) != nil, let address = SocketAddress(unixPath: way),
            let binding = SocketAddress(unixPath: temporary)
        else {
            throw .unusablePath
        }
        let lock = try Self.lock(directory)
        defer { _ = flock(lock.number, LOCK_UN) }
        try Self.checkThatNobodyAnswers(at: way, address)
        do throws(SystemCallError) {
            let socket = try Socket(for: address)
            try socket.bind(to: binding)
            do throws(SystemCallError) {
                try Self.set(permissions, of: temporary)
                try socket.listen(backlog: backlog)
                guard let (_, device, inode) = Self.facts(of: temporary) else { throw SystemCallError("lstat") }
                guard unsafe rename(temporary, way) == 0 else { throw SystemCallError("rename") }
                return ListeningUnixSocket(socket: socket, file: UnixSocketFile(path: path, device: device, inode: inode))
            } catch {
                _ = unsafe unlink(temporary)
                throw error
            }
        } catch {
            throw .system(error)
        }
    }

    /// Creates the directories that lead to a socket and are not there, so that users with the right to connect can reach it, and no others.
    ///
    /// - Parameters:
    ///   - path: The socket's path.
    ///   - permissions: The right to connect.
    package static func makeDirectories(for path: String, permissions: Permissions) {
        PrivateFile.makeParents(of: path, group: permissions.group, mode: permissions.directoryMode)
    }

    /// Finds a directory on the way to a socket that keeps out users with the right to connect.
    ///
    /// - Returns: The first directory, from the root, that neither others nor the socket's group may enter; `nil` if there is none, or if only the
    ///   owner may connect. Access lists (`acl(5)`) are not looked at.
    package static func closedDirectory(for path: String, permissions: Permissions) -> String? {
        let wantsOthers = permissions.mode & 0o002 != 0
        guard wantsOthers || permissions.mode & 0o020 != 0 && permissions.group != nil else { return nil }
        let bytes = Array(path.utf8)
        for end in bytes.indices where bytes[end] == UInt8(ascii: "/") {
            let directory = end == 0 ? "/" : String(decoding: bytes[..<end], as: UTF8.self)
            var facts = stat()
            guard unsafe stat(directory, &facts) == 0 else { return nil }
            let isGroups = facts.st_gid == permissions.group
            let needed: mode_t = !wantsOthers && isGroups ? 0o010 : 0o001
            if facts.st_mode & needed == 0 { return directory }
        }
        return nil
    }

    /// Whether the name is still this socket's.
    package var isStillThere: Bool {
        guard let (_, device, inode) = Self.facts(of: self.path) else { return false }
        return device == self.device && inode == self.inode
    }

    /// Removes the name if it is still this socket's; another socket that has taken it over stays.
    package func remove() {
        self.remove(at: self.path)
    }

    private func remove(at path: String) {
        guard let (_, device, inode) = Self.facts(of: path), device == self.device, inode == self.inode else { return }
        _ = unsafe unlink(path)
    }

    private static func set(_ permissions: Permissions, of path: String) throws(SystemCallError) {
        if permissions.owner != nil || permissions.group != nil {
            // -1 leaves one as it is.
            guard unsafe lchown(path, permissions.owner ?? .max, permissions.group ?? .max) == 0 else { throw SystemCallError("chown") }
        }
        guard unsafe chmod(path, mode_t(permissions.mode)) == 0 else { throw SystemCallError("chmod") }
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/." : String(path[..<slash])
    }

    private static func lock(_ directory: String) throws(Failure) -> OwnedDescriptor {
        let number = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .system(SystemCallError("open")) }
        let descriptor = OwnedDescriptor(owning: number)
        for _ in 0..<200 {
            if flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 { return descriptor }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw .system(SystemCallError("flock")) }
            usleep(10_000)
        }
        throw .busy
    }

    private static func checkThatNobodyAnswers(at path: String, _ address: SocketAddress) throws(Failure) {
        guard let (type, _, _) = Self.facts(of: path) else { return }
        guard type == S_IFSOCK else { throw .notASocket }
        do throws(SystemCallError) {
            let probe = try Socket(for: address)
            // A full backlog must not make this wait: it means that a process listens (EAGAIN).
            try probe.setNonBlocking()
            try probe.connect(to: address)
        } catch {
            // Anything but a refusal may mean a living socket, so the name is left alone.
            guard error.code == ECONNREFUSED || error.code == ENOENT else { throw error.code == EAGAIN ? .inUse : .system(error) }
            return
        }
        throw .inUse
    }

    private static func facts(of path: String) -> (type: mode_t, device: UInt64, inode: UInt64)? {
        var facts = stat()
        guard unsafe lstat(path, &facts) == 0 else { return nil }
        return (facts.st_mode & S_IFMT, UInt64(facts.st_dev), UInt64(facts.st_ino))
    }
}

/// A listening unix socket and its name.
package struct ListeningUnixSocket: ~Copyable, Sendable {
    /// The socket.
    package let socket: Socket
    /// The name, to be removed when no process listens any more.
    package let file: UnixSocketFile

    /// Takes the two apart.
    package consuming func intoSocket() -> Socket {
        self.socket
    }
}
