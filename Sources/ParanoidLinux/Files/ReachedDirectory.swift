internal import CLinux
internal import Glibc

/// The directory of a file, as a process of root's reaches it that works for another user, and will become that user.
///
/// Where a directory does not belong to root, or others may change its entries, a name in it can be a link by which its owner leads root to files that
/// are not the owner's. So root follows no symbolic link below such a directory, and works there with the rights of the user (`setfsuid(2)`). In
/// root's own directories links of root's are followed.
///
/// All calls block for as long as the disk takes.
package struct ReachedDirectory: ~Copyable {
    private let descriptor: OwnedDescriptor
    private let user: ProcessIdentity
    /// Whether root alone decides what lies in it.
    internal let isRoots: Bool
    /// The last part of the path.
    private let name: String

    /// The directories that are made where they are absent; they belong to the user.
    package struct Making: Sendable {
        /// Their group, if it is not to be the user's.
        var group: UInt32?
        /// Their permissions.
        var mode: UInt32

        package init(group: UInt32? = nil, mode: UInt32 = 0o700) {
            self.group = group
            self.mode = mode
        }
    }

    /// Why a directory is not reached.
    package enum Failure: Error, Sendable, Hashable {
        /// A system call failed at a path.
        case system(SystemCallError, path: String)
        /// Something else than a directory is on the way.
        case notDirectory(path: String)
        /// A symbolic link is on the way that somebody else than root has made, or may have put there.
        case symbolicLink(path: String)
        /// The way leads up from a directory that somebody else than root may have moved.
        case upwards(path: String)
    }

    /// As many links are followed as the kernel follows.
    private static let mostLinks = 40

    /// Walks to the directory of a file, part by part.
    ///
    /// - Parameters:
    ///   - path: The path of the file; its last part is not looked at.
    ///   - user: Whom the process works for.
    ///   - making: Says that absent directories are made, and how; `nil`: they are an error.
    package init(of path: String, for user: ProcessIdentity, making: Making?) throws(Failure) {
        var place = try Self.begin(path.utf8.first == UInt8(ascii: "/") ? "/" : ".", user)
        var walked = path.utf8.first == UInt8(ascii: "/") ? "" : "."
        var ahead = Array(Self.parts(path).dropLast().reversed())
        var links = 0
        while let part = ahead.popLast() {
            let text = "\(walked)/\(part)"
            if part == "..", !place.isRoots { throw .upwards(path: text) }
            let next = try Self.open(part, in: place, making, user, text)
            let status = try Self.status(of: next, text)
            switch status.kind {
            case .directory:
                place = Place(descriptor: next, isRoots: place.isRoots && Self.isRoots(status))
                walked = text
            case .symbolicLink:
                guard place.isRoots, status.owner == 0 else { throw .symbolicLink(path: text) }
                links += 1
                guard links <= Self.mostLinks else { throw .system(SystemCallError("openat", code: ELOOP), path: text) }
                let target = try Self.target(of: next, text)
                if target.utf8.first == UInt8(ascii: "/") {
                    place = try Self.begin("/", user)
                    walked = ""
                }
                ahead += Self.parts(target).reversed()
            case .regular, .other: throw .notDirectory(path: text)
            }
        }
        self.user = user
        self.isRoots = place.isRoots
        self.name = Self.parts(path).last ?? "."
        self.descriptor = place.intoDescriptor()
    }

    /// A path that leads to the file through the open directory (`proc(5)`), whatever is renamed or replaced on the way to it.
    package var path: String { "/proc/self/fd/\(self.descriptor.number)/\(self.name)" }

    /// Runs `body`, with the rights of the user where not root alone decides what lies in the directory.
    ///
    /// What it makes belongs to the user then.
    ///
    /// - Parameter group: The group of what it makes, if it is not to be the user's.
    package borrowing func acting<Outcome: ~Copyable, Problem>(
        group: UInt32? = nil,
        _ body: () throws(Problem) -> Outcome
    ) throws(Problem) -> Outcome {
        if self.isRoots { return try body() }
        return try Self.withRights(of: self.user, group: group, body)
    }

    /// Gives a socket of the user's, which is the file, to another owner.
    ///
    /// - Throws: ``SystemCallError``; EPERM for anything else than a socket of the user's.
    package borrowing func giveSocket(to owner: UInt32, group: UInt32?) throws(SystemCallError) {
        let number = unsafe openat(self.descriptor.number, self.name, pathOnly | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw SystemCallError("openat") }
        let socket = OwnedDescriptor(owning: number)
        var facts = stat()
        guard unsafe fstat(socket.number, &facts) == 0 else { throw SystemCallError("fstat") }
        guard facts.st_mode & S_IFMT == S_IFSOCK, facts.st_uid == self.user.user else { throw SystemCallError("fchownat", code: EPERM) }
        // -1 leaves the group as it is.
        guard unsafe fchownat(socket.number, "", owner, group ?? .max, emptyPath) == 0 else { throw SystemCallError("fchownat") }
    }

    // MARK: The walk

    private struct Place: ~Copyable {
        let descriptor: OwnedDescriptor
        let isRoots: Bool

        consuming func intoDescriptor() -> OwnedDescriptor { self.descriptor }
    }

    private static func parts(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func begin(_ path: String, _ user: ProcessIdentity) throws(Failure) -> Place {
        let number = unsafe Glibc.open(path, pathOnly | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .system(SystemCallError("open"), path: path) }
        let descriptor = OwnedDescriptor(owning: number)
        let status = try Self.status(of: descriptor, path)
        return Place(descriptor: descriptor, isRoots: Self.isRoots(status))
    }

    /// Whether root alone decides what the names in a directory lead to.
    ///
    /// Where it has the sticky bit, only the owner of an entry can replace it.
    private static func isRoots(_ status: FileStatus) -> Bool {
        guard status.owner == 0 else { return false }
        if status.permissions & 0o1000 != 0 { return true }
        if status.isWritableByAll { return false }
        // The process has the user's groups already.
        return status.permissions & 0o020 == 0 || status.group == 0 || !ProcessIdentity.isMember(ofGroup: status.group)
    }

    private static func status(of descriptor: borrowing OwnedDescriptor, _ path: String) throws(Failure) -> FileStatus {
        var facts = stat()
        guard unsafe fstat(descriptor.number, &facts) == 0 else { throw .system(SystemCallError("fstat"), path: path) }
        return FileStatus(facts)
    }

    private static func open(
        _ part: String,
        in place: borrowing Place,
        _ making: Making?,
        _ user: ProcessIdentity,
        _ text: String
    ) throws(Failure) -> OwnedDescriptor {
        let flags = pathOnly | O_NOFOLLOW | O_CLOEXEC
        let directory = place.descriptor.number
        var number = unsafe openat(directory, part, flags)
        if number < 0, errno == ENOENT, let making {
            do throws(SystemCallError) {
                if place.isRoots {
                    try Self.makeAndGive(part, in: directory, making, user)
                } else {
                    try Self.withRights(of: user, group: making.group) { () throws(SystemCallError) in
                        try Self.make(part, in: directory, mode: making.mode)
                    }
                }
            } catch {
                throw .system(error, path: text)
            }
            number = unsafe openat(directory, part, flags)
        }
        guard number >= 0 else { throw .system(SystemCallError("openat"), path: text) }
        return OwnedDescriptor(owning: number)
    }

    private static func target(of link: borrowing OwnedDescriptor, _ path: String) throws(Failure) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlinkat(link.number, "", &bytes, bytes.count)
        guard count > 0, count < bytes.count else { throw .system(SystemCallError("readlinkat"), path: path) }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes a directory in one of root's and gives it to the user, whom nothing in its place would have belonged to.
    private static func makeAndGive(_ part: String, in directory: CInt, _ making: Making, _ user: ProcessIdentity) throws(SystemCallError) {
        guard unsafe mkdirat(directory, part, 0o700) == 0 else {
            if errno == EEXIST { return }
            throw SystemCallError("mkdirat")
        }
        let number = unsafe openat(directory, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw SystemCallError("openat") }
        let made = OwnedDescriptor(owning: number)
        // The owner changes before the directory is opened to others.
        guard fchown(made.number, user.user, making.group ?? user.group) == 0 else { throw SystemCallError("fchown") }
        guard fchmod(made.number, mode_t(making.mode)) == 0 else { throw SystemCallError("fchmod") }
    }

    private static func make(_ part: String, in directory: CInt, mode: UInt32) throws(SystemCallError) {
        guard unsafe mkdirat(directory, part, 0o700) == 0 else {
            if errno == EEXIST { return }
            throw SystemCallError("mkdirat")
        }
        guard mode != 0o700 else { return }
        let number = unsafe openat(directory, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw SystemCallError("openat") }
        let made = OwnedDescriptor(owning: number)
        guard fchmod(made.number, mode_t(mode)) == 0 else { throw SystemCallError("fchmod") }
    }

    /// Runs `body` with a user's rights to files, on this thread only.
    private static func withRights<Outcome: ~Copyable, Problem>(
        of user: ProcessIdentity,
        group: UInt32?,
        _ body: () throws(Problem) -> Outcome
    ) throws(Problem) -> Outcome {
        let isUser = clinux_take_file_rights(user.user, group ?? user.group) == 0
        defer { _ = clinux_take_file_rights(geteuid(), getegid()) }
        // Root that may not become a user at all finds out a moment later; with its own rights it does nothing here.
        guard isUser else {
            ProcessExit.fail("the process cannot take the rights of user \(user.user) (setfsuid)", code: Remedy.change.exitCode)
        }
        return try body()
    }
}

extension ReachedDirectory.Failure: CustomStringConvertible {
    /// What is wrong with which part of the path.
    package var description: String {
        switch self {
        case .system(let error, let path): "\(path): \(error)"
        case .notDirectory(let path): "\(path) is not a directory"
        case .symbolicLink(let path):
            "\(path) is a symbolic link in a place that does not belong to root alone, and root follows none there; name the path that it leads to"
        case .upwards(let path): "\(path) leads up from a directory that does not belong to root alone; name the path without '..'"
        }
    }

    /// What helps against it.
    package var remedy: Remedy {
        switch self {
        case .system(let error, _): error.remedy
        case .notDirectory, .symbolicLink, .upwards: .change
        }
    }
}

/// `AT_EMPTY_PATH`, which the Glibc module hides behind `_GNU_SOURCE`.
private let emptyPath: CInt = 0x1000
