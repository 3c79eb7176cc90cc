import Foundation

/// A TCP connection to 127.0.0.1 for requests that no well-behaved client sends.
final class RawConnection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard self.descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
        // Only so that a broken server ends the test.
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = LoopbackAddress.of(port: port)
        guard unsafe LoopbackAddress.with(&address, { unsafe connect(self.descriptor, $0, $1) }) == 0 else {
            throw TestFailure("connect: errno \(errno)")
        }
    }

    deinit { close(self.descriptor) }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(self.descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("send: errno \(errno)") }
            sent += count
        }
    }

    /// Everything up to the end of the connection.
    func readToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(self.descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return all }
            guard count > 0 else { throw TestFailure("recv: errno \(errno)") }
            all += buffer[..<count]
        }
    }

    /// Sends one request on a connection of its own and returns the whole answer as text.
    ///
    /// - Parameter head: Request line and header fields, without `Connection` and without the empty line.
    static func ask(port: Int, _ head: [String], body: [UInt8] = []) throws -> String {
        let connection = try RawConnection(port: port)
        let text = (head + ["Connection: close", "", ""]).joined(separator: "\r\n")
        try connection.send(Array(text.utf8) + body)
        return String(decoding: try connection.readToEnd(), as: UTF8.self)
    }
}
