package import ParanoidLinux

/// A listening stream socket, non-blocking and close-on-exec.
package struct Listener: ~Copyable, Sendable {
    private let socket: Socket
    private let file: UnixSocketFile?
    /// Whether it was opened here; a listener that was taken over is shared with other processes.
    package let isOwn: Bool

    /// The most connections the kernel keeps for us; it has a limit of its own (`net.core.somaxconn`).
    private static let backlog: CInt = 4096

    /// Opens a listener.
    ///
    /// Blocks for two seconds at most, and while a host name is looked up.
    ///
    /// - Parameters:
    ///   - address: Where to listen.
    ///   - permissions: Of a unix socket that is opened here: whoever may write may send requests.
    ///   - user: The user that a process of root's opens a unix socket for, and makes the directories to it (``ReachedDirectory``).
    /// - Throws: ``FastCGIServerError`` with `unusableAddress`, `addressInUse`, `notAListener` or `listenerUnavailable`.
    package static func open(
        _ address: ListenerAddress,
        permissions: UnixSocketFile.Permissions = UnixSocketFile.Permissions(),
        for user: ProcessIdentity? = nil
    ) throws(FastCGIServerError) -> Listener {
        switch address {
        case .unix(let path):
            do throws(UnixSocketFile.Failure) {
                return try Self.openUnix(path, permissions, user)
            } catch {
                throw Self.error(error, address)
            }
        case .tcp(let host, let port):
            let resolved: SocketAddress
            do throws(HostLookUpError) {
                resolved = try SocketAddress(lookingUp: host, port: port)
            } catch {
                let code: FastCGIServerError.Code = error == .noAnswer ? .listenerUnavailable : .unusableAddress
                throw FastCGIServerError(code, "the host of \(address) is unknown: \(error)")
            }
            do throws(SystemCallError) {
                return try Self.openTCP(resolved)
            } catch {
                let code: FastCGIServerError.Code = error.isAddressInUse ? .addressInUse : .listenerUnavailable
                throw FastCGIServerError(code, "cannot listen on \(address)", cause: error)
            }
        case .inherited: return try Self.adopt(OwnedDescriptor(owning: 0))
        case .activated(let name): return try Self.takeActivated(name, from: .ofThisProcess())
        }
    }

    private static func takeActivated(_ name: String?, from sockets: SocketActivation) throws(FastCGIServerError) -> Listener {
        guard let entry = sockets.entry(named: name) else {
            let names = sockets.entries.map(\.name).joined(separator: ", ")
            let passed = names.isEmpty ? "the service manager has passed no socket (LISTEN_FDS, LISTEN_PID)" : "passed are: \(names)"
            throw FastCGIServerError(.notAListener, "\(name.map { "one socket named \($0)" } ?? "one socket") is needed; \(passed)")
        }
        guard DescriptorKind(of: entry.number) == .listeningStreamSocket else {
            throw FastCGIServerError(.notAListener, "\(entry.name) (descriptor \(entry.number)) is not a listening stream socket")
        }
        return try Self.adopt(OwnedDescriptor(owning: entry.number))
    }

    /// Takes over a listening socket that somebody else has opened.
    ///
    /// - Throws: ``FastCGIServerError/Code/notAListener``.
    package static func adopt(_ descriptor: consuming OwnedDescriptor) throws(FastCGIServerError) -> Listener {
        let socket = Socket(descriptor)
        guard socket.isListening else {
            throw FastCGIServerError(.notAListener, "the descriptor passed on is not a listening stream socket")
        }
        do throws(SystemCallError) {
            return try Self(socket, file: nil, isOwn: false)
        } catch {
            throw FastCGIServerError(.listenerUnavailable, "the listener cannot be set up", cause: error)
        }
    }

    /// The descriptor, to be registered, borrowed or duplicated.
    package var descriptor: OwnedDescriptor {
        _read { yield self.socket.descriptor }
    }

    /// The port the kernel chose or the address named; `nil` for unix sockets.
    package var port: UInt16? {
        (try? SocketAddress(boundBy: self.socket.descriptor))?.port
    }

    /// Whether only programs of this host can connect.
    package var isLocal: Bool {
        (try? SocketAddress(boundBy: self.socket.descriptor))?.isLocal ?? false
    }

    /// Removes the socket file that was created with the listener, unless another listener has taken the name over.
    package borrowing func removeFile() {
        self.file?.remove()
    }

    /// The name of a unix socket that was opened here, to remove it after the listener has been given away.
    package var socketFile: UnixSocketFile? { self.file }

    /// Gives the descriptor to another owner and leaves the socket file.
    package consuming func intoDescriptor() -> OwnedDescriptor {
        self.socket.intoDescriptor()
    }

    /// Whether it is a unix socket.
    package var isUnix: Bool {
        (try? SocketAddress(boundBy: self.socket.descriptor))?.isUnix ?? false
    }

    /// Refuses connections from now on, in all processes that share the listener; the descriptor stays open.
    borrowing func stop() {
        self.socket.stopListening()
    }

    /// Takes the next waiting connection, if any.
    package borrowing func accept() throws(SystemCallError) -> Socket? {
        try self.socket.accept()
    }

    private init(_ socket: consuming Socket, file: UnixSocketFile?, isOwn: Bool) throws(SystemCallError) {
        try socket.setCloseOnExec()
        try socket.setNonBlocking()
        self.socket = socket
        self.file = file
        self.isOwn = isOwn
    }

    private static func openUnix(
        _ path: String,
        _ permissions: UnixSocketFile.Permissions,
        _ user: ProcessIdentity?
    ) throws(UnixSocketFile.Failure) -> Listener {
        let listening =
            if let user {
                try UnixSocketFile.listen(at: path, for: user, permissions: permissions, backlog: Self.backlog)
            } else {
                try UnixSocketFile.listen(at: path, permissions: permissions, backlog: Self.backlog)
            }
        let file = listening.file
        do throws(SystemCallError) {
            return try Self(listening.intoSocket(), file: file, isOwn: true)
        } catch {
            throw .system(error)
        }
    }

    private static func openTCP(_ address: SocketAddress) throws(SystemCallError) -> Listener {
        let socket = try Socket(for: address)
        try socket.bind(to: address)
        try socket.listen(backlog: Self.backlog)
        return try Self(socket, file: nil, isOwn: true)
    }

    private static func error(_ failure: UnixSocketFile.Failure, _ address: ListenerAddress) -> FastCGIServerError {
        switch failure {
        case .unusablePath:
            FastCGIServerError(
                .unusableAddress,
                "\(address) is no usable path: a socket's path has at most about \(SocketAddress.longestUnixPath - 12) bytes"
            )
        case .inUse: FastCGIServerError(.addressInUse, "another process answers on \(address)")
        case .notASocket: FastCGIServerError(.unusableAddress, "\(address) exists and is not a socket; it was left alone")
        case .way(.system(let error, let path)):
            FastCGIServerError(.listenerUnavailable, "cannot listen on \(address): \(path) cannot be reached", cause: error)
        case .way(let failure): FastCGIServerError(.unusableAddress, "cannot listen on \(address): \(failure)")
        case .busy: FastCGIServerError(.listenerUnavailable, "the directory of \(address) is locked by another process")
        case .system(let error): FastCGIServerError(.listenerUnavailable, "cannot listen on \(address)", cause: error)
        }
    }
}
