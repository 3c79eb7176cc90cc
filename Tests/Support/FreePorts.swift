internal import Glibc

/// Port numbers that nobody listens on at this moment.
public enum FreePorts {
    /// That many different ports of 127.0.0.1.
    public static func find(_ count: Int) throws -> [Int] {
        var sockets: [CInt] = []
        defer { for descriptor in sockets { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
            sockets.append(descriptor)
            var address = LoopbackAddress.of(port: 0)
            guard unsafe LoopbackAddress.with(&address, { unsafe bind(descriptor, $0, $1) }) == 0 else {
                throw TestFailure("bind: errno \(errno)")
            }
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            guard unsafe LoopbackAddress.with(&address, { pointer, _ in unsafe getsockname(descriptor, pointer, &length) }) == 0 else {
                throw TestFailure("getsockname: errno \(errno)")
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}

/// Socket addresses of 127.0.0.1.
enum LoopbackAddress {
    static func of(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    static func with(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
