internal import CLinux
internal import Glibc

/// The address of a unix or internet stream socket.
package struct SocketAddress: Sendable {
    private var storage: sockaddr_storage
    private var length: socklen_t

    /// The longest path of a unix socket in bytes, without the terminating zero (`unix(7)`).
    package static var longestUnixPath: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 }

    /// The address of a socket in the file system; `nil` when the path is empty, too long, or has a zero byte.
    package init?(unixPath path: String) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.longestUnixPath, !bytes.contains(0) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
            unsafe target.copyBytes(from: bytes)
        }
        self.storage = sockaddr_storage()
        self.length = socklen_t(MemoryLayout<sockaddr_un>.size)
        unsafe withUnsafeMutableBytes(of: &self.storage) { target in
            unsafe withUnsafeBytes(of: &address) { source in
                unsafe target.copyMemory(from: source)
            }
        }
    }

    /// Looks a host up; blocks while a name server is asked (`getaddrinfo(3)`).
    ///
    /// - Parameters:
    ///   - host: A name, or a numeric IPv4 or IPv6 address without brackets.
    ///   - port: The port; 0 lets the kernel choose one when the address is bound.
    /// - Returns: `nil` when the host is unknown.
    package init?(host: String, port: UInt16) {
        guard let found = try? Self(lookingUp: host, port: port) else { return nil }
        self = found
    }

    /// The same, with the reason why there is no address.
    package init(lookingUp host: String, port: UInt16) throws(HostLookUpError) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(bitPattern: SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let outcome = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard outcome == 0, let first = unsafe list else { throw outcome == EAI_AGAIN ? .noAnswer : .unknown }
        defer { unsafe freeaddrinfo(first) }
        guard let address = unsafe first.pointee.ai_addr else { throw .unknown }
        self.storage = sockaddr_storage()
        self.length = unsafe first.pointee.ai_addrlen
        let source = unsafe UnsafeRawBufferPointer(start: address, count: Int(first.pointee.ai_addrlen))
        unsafe withUnsafeMutableBytes(of: &self.storage) { target in
            unsafe target.copyMemory(from: source)
        }
    }

    /// The address a socket is bound to (`getsockname(2)`).
    package init(boundBy descriptor: borrowing OwnedDescriptor) throws(SystemCallError) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = descriptor.number
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &length) }
        }
        guard code == 0 else { throw SystemCallError("getsockname") }
        self.storage = storage
        self.length = length
    }

    /// The address a connected socket's peer has (`getpeername(2)`).
    package init(ofPeerOf descriptor: borrowing OwnedDescriptor) throws(SystemCallError) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = descriptor.number
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getpeername(number, $0, &length) }
        }
        guard code == 0 else { throw SystemCallError("getpeername") }
        self.storage = storage
        self.length = length
    }

    /// The host's 4 or 16 bytes, most significant first; `nil` for a unix socket.
    package var hostBytes: [UInt8]? {
        switch self.family {
        case AF_INET: self.read(sockaddr_in.self) { address in unsafe withUnsafeBytes(of: address.sin_addr) { unsafe Array($0) } }
        case AF_INET6: self.read(sockaddr_in6.self) { address in unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) } }
        default: nil
        }
    }

    /// The address family, as `socket(2)` wants it.
    package var family: CInt { CInt(self.storage.ss_family) }

    /// Whether it is a socket of this host's file system.
    package var isUnix: Bool { self.family == AF_UNIX }

    /// The port of an internet address, `nil` for a unix one.
    package var port: UInt16? {
        switch self.family {
        case AF_INET: self.read(sockaddr_in.self) { UInt16(bigEndian: $0.sin_port) }
        case AF_INET6: self.read(sockaddr_in6.self) { UInt16(bigEndian: $0.sin6_port) }
        default: nil
        }
    }

    /// Whether only this host can reach it: a unix socket, 127.0.0.0/8 or ::1.
    package var isLocal: Bool {
        switch self.family {
        case AF_UNIX: true
        case AF_INET: self.read(sockaddr_in.self) { UInt32(bigEndian: $0.sin_addr.s_addr) >> 24 == 127 }
        case AF_INET6:
            self.read(sockaddr_in6.self) { address in
                var copy = address.sin6_addr
                return unsafe withUnsafeBytes(of: &copy) { unsafe $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
            }
        default: false
        }
    }

    /// Calls `body` with the form that `bind(2)` and `connect(2)` take.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: self.storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, self.length) }
        }
    }

    private func read<Address, Value>(_ type: Address.Type, _ body: (Address) -> Value) -> Value {
        unsafe withUnsafeBytes(of: self.storage) { bytes in
            unsafe body(bytes.loadUnaligned(as: Address.self))
        }
    }
}

/// Why the address of a host is not known.
package enum HostLookUpError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No host has the name.
    case unknown
    /// No name server has answered so far (EAI_AGAIN).
    case noAnswer

    /// The reason in words.
    package var description: String {
        switch self {
        case .unknown: "no host has this name"
        case .noAnswer: "no name server answers"
        }
    }
}
