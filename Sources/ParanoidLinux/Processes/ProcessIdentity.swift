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

    /// Whether this process may become somebody else.
    package static var isRoot: Bool { geteuid() == 0 }

    /// Turns this process into that user for good, in all its threads, and forbids that a program it executes gets more rights (`setresuid(2)`,
    /// `PR_SET_NO_NEW_PRIVS`).
    ///
    /// That the way back is closed is tried, not assumed: if root could be regained, the process ends.
    ///
    /// - Throws: ``SystemCallError`` if the process has no right to; it is as it was or in between, and should end.
    package func become() throws(SystemCallError) {
        let outcome =
            if let name { unsafe clinux_become(self.user, self.group, name) } else { clinux_become(self.user, self.group, nil) }
        if outcome == -1 { throw SystemCallError("setresuid") }
        guard outcome == 0 else { ProcessExit.fail("the rights of root could be regained after they were given up", code: 71) }
    }
}
