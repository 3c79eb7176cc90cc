internal import CLinux
internal import Glibc

/// An open stream socket and the few calls this project makes on one; close-on-exec from birth.
package struct Socket: ~Copyable, Sendable {
    /// The owned descriptor.
    package let descriptor: OwnedDescriptor

    /// Takes over an open socket.
    package init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Gives the descriptor to another owner.
    package consuming func intoDescriptor() -> OwnedDescriptor {
        self.descriptor
    }

    /// Opens a socket of the address's family, neither bound nor connected.
    package init(for address: SocketAddress) throws(SystemCallError) {
        let number = socket(address.family, CInt(bitPattern: SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemCallError("socket") }
        self.descriptor = OwnedDescriptor(owning: number)
    }

    /// Binds to an internet address so that a restart need not wait for old connections to be forgotten.
    package borrowing func bind(to address: SocketAddress) throws(SystemCallError) {
        let number = self.descriptor.number
        if !address.isUnix {
            self.set(SOL_SOCKET, SO_REUSEADDR, 1)
            if address.family == AF_INET6 { self.set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        }
        guard unsafe address.withSockaddr({ unsafe Glibc.bind(number, $0, $1) }) == 0 else { throw SystemCallError("bind") }
    }

    /// Connects; blocks, except to unix sockets, which answer at once.
    package borrowing func connect(to address: SocketAddress) throws(SystemCallError) {
        let number = self.descriptor.number
        guard unsafe address.withSockaddr({ unsafe Glibc.connect(number, $0, $1) }) == 0 else { throw SystemCallError("connect") }
    }

    /// Starts to take connections.
    package borrowing func listen(backlog: CInt) throws(SystemCallError) {
        guard Glibc.listen(self.descriptor.number, backlog) == 0 else { throw SystemCallError("listen") }
    }

    /// Whether it is a stream socket that takes connections (`SO_ACCEPTCONN`).
    package var isListening: Bool {
        self.option(SO_ACCEPTCONN) == 1 && self.option(SO_TYPE) == CInt(bitPattern: SOCK_STREAM.rawValue)
    }

    /// Makes calls on this open file return instead of waiting; affects all processes that share it.
    package borrowing func setNonBlocking() throws(SystemCallError) {
        let flags = fcntl(self.descriptor.number, F_GETFL)
        guard flags >= 0, fcntl(self.descriptor.number, F_SETFL, flags | O_NONBLOCK) == 0 else { throw SystemCallError("fcntl") }
    }

    /// Has the descriptor closed when the process executes another program.
    package borrowing func setCloseOnExec() throws(SystemCallError) {
        guard fcntl(self.descriptor.number, F_SETFD, FD_CLOEXEC) == 0 else { throw SystemCallError("fcntl") }
    }

    /// Takes the next waiting connection; a blocking socket, whatever the listener is.
    ///
    /// - Returns: `nil` when none is waiting any more, which is not an error: others accept from the same queue.
    package borrowing func accept() throws(SystemCallError) -> Socket? {
        let number = clinux_accept(self.descriptor.number, 0)
        guard number < 0 else { return Socket(OwnedDescriptor(owning: number)) }
        switch errno {
        // EINVAL: another process has stopped the listener.
        case EAGAIN, EINTR, ECONNABORTED, EPROTO, EPERM, EINVAL: return nil
        default: throw SystemCallError("accept4")
        }
    }

    /// Makes a listener refuse connections, in all processes that share it; those waiting are dropped (`shutdown(2)`).
    package borrowing func stopListening() {
        _ = shutdown(self.descriptor.number, CInt(SHUT_RDWR))
    }

    /// Tells the peer that nothing more will come (`shutdown(2)` with SHUT_WR).
    package borrowing func finishSending() {
        _ = shutdown(self.descriptor.number, CInt(SHUT_WR))
    }

    /// Bounds how long one blocking read or write may wait; zero means for ever (`SO_RCVTIMEO`, `SO_SNDTIMEO`).
    package borrowing func setTimeouts(read: Duration, write: Duration) throws(SystemCallError) {
        for (option, time) in [(SO_RCVTIMEO, read), (SO_SNDTIMEO, write)] {
            let (seconds, attoseconds) = time.components
            var value = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
            let size = socklen_t(MemoryLayout<timeval>.size)
            guard unsafe setsockopt(self.descriptor.number, SOL_SOCKET, option, &value, size) == 0 else {
                throw SystemCallError("setsockopt")
            }
        }
    }

    /// Sends small writes at once and notices peers that vanished without a word; for TCP.
    package borrowing func tuneForRequests() {
        self.set(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
        self.set(SOL_SOCKET, SO_KEEPALIVE, 1)
    }

    private borrowing func option(_ name: CInt) -> CInt {
        var value: CInt = -1
        var size = socklen_t(MemoryLayout<CInt>.size)
        return unsafe getsockopt(self.descriptor.number, SOL_SOCKET, name, &value, &size) == 0 ? value : -1
    }

    /// The options set this way only tune; a socket without them still works, so failures are ignored.
    private borrowing func set(_ level: CInt, _ name: CInt, _ value: CInt) {
        var value = value
        _ = unsafe setsockopt(self.descriptor.number, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}

extension SystemCallError {
    /// Whether another socket has the address.
    package var isAddressInUse: Bool { self.code == EADDRINUSE }
}

/// The user and groups of a peer of a unix socket, as they were when it connected (`SO_PEERCRED`, `SO_PEERGROUPS`; `unix(7)`).
package struct PeerCredentials: Sendable, Hashable {
    /// The process: of a server, the one that listens.
    package let process: CInt
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
        self.process = process
        self.user = user
        self.groups = [group] + groups.prefix(max(0, Int(count)))
    }
}
