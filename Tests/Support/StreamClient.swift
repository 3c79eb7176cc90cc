internal import Glibc

/// A blocking stream connection of a test: to a unix socket, or to a port of 127.0.0.1.
///
/// Reading and writing give up after a while, only so that a broken server ends the test.
public final class StreamClient: Sendable {
    private let descriptor: CInt

    /// Connects to a unix socket.
    public init(path: String, timeout: Int = 60) throws {
        self.descriptor = try Self.open(AF_UNIX, timeout)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let outcome = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard outcome == 0 else { throw TestFailure("connect: errno \(errno)") }
    }

    /// Connects to a port of 127.0.0.1.
    public init(port: Int, timeout: Int = 60) throws {
        self.descriptor = try Self.open(AF_INET, timeout)
        var address = LoopbackAddress.of(port: port)
        guard unsafe LoopbackAddress.with(&address, { unsafe connect(self.descriptor, $0, $1) }) == 0 else {
            throw TestFailure("connect: errno \(errno)")
        }
    }

    deinit { close(self.descriptor) }

    private static func open(_ family: CInt, _ timeout: Int) throws -> CInt {
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    /// Sends all bytes.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(self.descriptor, $0.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: errno \(errno)") }
            sent += count
        }
    }

    /// What has come, at most so many bytes; empty when the connection has ended.
    public func receive(atMost limit: Int = 65_536) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = unsafe recv(self.descriptor, &buffer, limit, 0)
        if count == 0 || (count < 0 && errno == ECONNRESET) { return [] }
        guard count > 0 else { throw TestFailure("recv: errno \(errno)") }
        return Array(buffer[..<count])
    }

    /// That many bytes.
    public func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try self.receive(atMost: count - bytes.count)
            guard !more.isEmpty else { throw TestFailure("the connection has ended") }
            bytes += more
        }
        return bytes
    }

    /// Everything up to the end of the connection.
    public func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while case let more = try self.receive(), !more.isEmpty { all += more }
        return all
    }

    /// Sends one HTTP request on a connection of its own and returns the whole response as text.
    ///
    /// - Parameter head: Request line and header fields, without `Connection` and without the empty line.
    public static func ask(port: Int, _ head: [String], body: [UInt8] = []) throws -> String {
        let connection = try StreamClient(port: port, timeout: 30)
        let text = (head + ["Connection: close", "", ""]).joined(separator: "\r\n")
        try connection.send(Array(text.utf8) + body)
        return String(decoding: try connection.receiveAll(), as: UTF8.self)
    }
}
