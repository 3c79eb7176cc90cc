internal import CLinux
internal import Glibc

/// A user and a group that a process can become.
package struct ProcessIdentity: Sendable, Hashable {
    /// The user's number.
    package let user: UInt32
    /// The number of the first group.
    package let group: UInt32
    /// The user's name, for the supplementary groups; `nil` leaves none but ``group``.
    private let name: String?

    /// Names an identity.
    package init(user: UserDatabase.User, group: UInt32) {
        self.user = user.number
        self.group = group
        self.name = user.name
    }

    /// The effective user of this process.
    package static var currentUser: UInt32 { geteuid() }

    /// Whether this process may become another user.
    package static var isRoot: Bool { geteuid() == 0 }

    /// Whether this process belongs to a group (`getgroups(2)`).
    package static func isMember(ofGroup group: UInt32) -> Bool {
        if getegid() == group { return true }
        let count = getgroups(0, nil)
        guard count > 0 else { return false }
        var groups = [gid_t](repeating: 0, count: Int(count))
        let filled = unsafe getgroups(count, &groups)
        return filled > 0 && groups.prefix(Int(filled)).contains(group)
    }

    /// Gives this process the supplementary groups of the user, in all its threads; root has no use for its own.
    ///
    /// - Throws: ``SystemCallError`` if the process has no right to.
    package func takeGroups() throws(SystemCallError) {
        let outcome =
            if let name { unsafe clinux_take_groups(self.group, name) } else {
                clinux_take_groups(self.group, nil)
            }
        guard outcome == 0 else { throw SystemCallError("setgroups") }
    }

    /// Turns this process into that user for good, in all its threads, and forbids that a program it executes gets more rights (`setresuid(2)`,
    /// `PR_SET_NO_NEW_PRIVS`).
    ///
    /// That the way back is closed is tried, not assumed: if root could be regained, the process ends.
    ///
    /// - Throws: ``SystemCallError`` if the process has no right to; it is as it was or in between, and should end.
    package func dropPrivileges() throws(SystemCallError) {
        let outcome =
            if let name { unsafe clinux_drop_privileges(self.user, self.group, name) } else {
                clinux_drop_privileges(self.user, self.group, nil)
            }
        if outcome == -1 { throw SystemCallError("setresuid") }
        guard outcome == 0 else { ProcessExit.fail("the rights of root could be regained after they were given up", code: 71) }
    }
}

/// Users and groups by name or number (`passwd(5)`, `group(5)`); blocks while a directory service is asked.
package enum UserDatabase {
    /// A user, as far as processes are concerned.
    package struct User: Sendable, Hashable {
        /// The name; `nil` for a number without a user.
        package let name: String?
        /// The number.
        package let number: UInt32
        /// The number of the first group; `nil` for a number without a user.
        package let group: UInt32?
    }

    /// Finds a user.
    ///
    /// - Parameter text: A name, or a number, which need not be anybody's.
    /// - Returns: `nil` if there is no such user.
    package static func user(_ text: String) -> User? {
        if let number = Self.number(text) {
            var group = gid_t()
            var name = [CChar](repeating: 0, count: 256)
            guard unsafe clinux_find_user_number(number, &name, name.count, &group) == 1 else {
                return User(name: nil, number: number, group: nil)
            }
            let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return User(name: String(decoding: bytes, as: UTF8.self), number: number, group: group)
        }
        var user = uid_t()
        var group = gid_t()
        guard Self.isName(text), unsafe clinux_find_user(text, &user, &group) == 1 else { return nil }
        return User(name: text, number: user, group: group)
    }

    /// Finds the number of a group.
    ///
    /// - Parameter text: A name, or a number, which need not be any group's.
    /// - Returns: `nil` if no group has the name.
    package static func group(_ text: String) -> UInt32? {
        if let number = Self.number(text) { return number }
        var group = gid_t()
        guard Self.isName(text), unsafe clinux_find_group(text, &group) == 1 else { return nil }
        return group
    }

    private static func isName(_ text: String) -> Bool { !text.isEmpty && !text.utf8.contains(0) }

    /// Digits only; the highest number means "leave it as it is" to the system calls and names no user.
    private static func number(_ text: String) -> UInt32? {
        UInt32(digits: text.utf8).flatMap { $0 == .max ? nil : $0 }
    }
}

/// Properties of the whole process that keep its memory and files to itself.
package enum ProcessHardening {
    /// Applies what every process needs before it sees a secret: no core files, no dumps, new files private (umask 077), and SIGPIPE ignored, so
    /// that writing to a peer that has gone is an error and not the end of the process.
    ///
    /// - Throws: ``SystemCallError`` from `setrlimit(2)` or `prctl(2)`.
    package static func apply() throws(SystemCallError) {
        try self.forbidCoreFiles()
        try self.forbidDumps()
        self.keepNewFilesPrivate()
        SignalSource.ignore(.brokenPipe)
    }

    /// Gives new files and directories no rights beyond their owner's (`umask(2)`, 077).
    package static func keepNewFilesPrivate() {
        umask(0o077)
    }

    /// Forbids core files, also for whatever this process starts (`setrlimit(2)`, RLIMIT_CORE).
    private static func forbidCoreFiles() throws(SystemCallError) {
        guard clinux_forbid_core_files() == 0 else { throw SystemCallError("setrlimit") }
    }

    /// Forbids dumps and attaching by other processes of the same user (`prctl(2)`, PR_SET_DUMPABLE); ends with the next exec.
    private static func forbidDumps() throws(SystemCallError) {
        guard clinux_forbid_dumps() == 0 else { throw SystemCallError("prctl") }
    }
}
