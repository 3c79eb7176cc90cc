import Foundation
import TestSupport

/// A unix socket of the test's own: one that listens, or one that takes datagrams.
final class LocalSocket: Sendable {
    let number: Int32

    /// Makes a socket.
    ///
    /// - Parameter path: Its name; one that begins with `@` is abstract.
    init(_ path: String, datagrams: Bool) throws {
        let kind = datagrams ? SOCK_DGRAM : SOCK_STREAM
        self.number = socket(AF_UNIX, Int32(kind.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard self.number >= 0 else { throw TestFailure("socket: errno \(errno)") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        if path.hasPrefix("@") { address.sun_path.0 = 0 }
        // An abstract name ends with the address.
        let length = MemoryLayout<sa_family_t>.size + path.utf8.count + (path.hasPrefix("@") ? 0 : 1)
        let outcome = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(self.number, $0, socklen_t(length)) }
        }
        guard outcome == 0 else { throw TestFailure("bind: errno \(errno)") }
        if !datagrams, listen(self.number, 128) != 0 { throw TestFailure("listen: errno \(errno)") }
    }

    deinit { close(self.number) }

    /// The lines of the datagrams that have come, in order.
    func receivedLines() -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = unsafe recv(self.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return lines }
            lines += String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}
