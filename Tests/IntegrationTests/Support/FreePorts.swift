import Foundation

/// Port numbers that nobody listens on at this moment.
enum FreePorts {
    /// That many different ports of 127.0.0.1.
    static func find(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for descriptor in sockets { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
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
