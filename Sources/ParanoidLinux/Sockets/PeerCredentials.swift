internal import CLinux
internal import Glibc

/// Who connected to a unix socket, as the kernel noted it when they did (`SO_PEERCRED`, `SO_PEERGROUPS`; `unix(7)`).
package struct PeerCredentials: Sendable, Hashable {
    /// The effective user.
    package let user: UInt32
    /// The effective group and the supplementary ones.
    package let groups: [UInt32]

    /// The most groups that are looked at.
    private static let maximumGroups = 1024

    /// Asks the kernel about the peer of a connected unix socket.
    ///
    /// - Throws: ``SystemCallError`` from `getsockopt(2)`, for another kind of socket as well.
    package init(ofPeerOf connection: borrowing OwnedDescriptor) throws(SystemCallError) {
        var process = pid_t()
        var user = uid_t()
        var group = gid_t()
        guard unsafe clinux_peer_credentials(connection.number, &process, &user, &group) == 0 else { throw SystemCallError("getsockopt") }
        var groups = [gid_t](repeating: 0, count: Self.maximumGroups)
        // A kernel that does not know them (before 4.13) leaves the effective one.
        let count = unsafe clinux_peer_groups(connection.number, &groups, groups.count)
        self.user = user
        self.groups = [group] + groups.prefix(max(0, Int(count)))
    }
}
