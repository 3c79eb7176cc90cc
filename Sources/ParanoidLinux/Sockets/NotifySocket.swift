internal import CLinux
internal import Glibc

/// Where a service manager listens for what its service says (`sd_notify(3)`): a datagram socket, in the file system or abstract.
package struct NotifySocket: Sendable, Hashable {
    /// The path; one that begins with `@` is an abstract name.
    package let path: String

    /// Takes the value of `NOTIFY_SOCKET`; `nil` for something that is neither an absolute path nor an abstract name.
    package init?(_ path: String) {
        guard let first = path.utf8.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@") else { return nil }
        guard (2...SocketAddress.longestUnixPath).contains(path.utf8.count), !path.utf8.contains(0) else { return nil }
        self.path = path
    }

    /// Sends assignments, one a line; does not wait for an answer.
    ///
    /// - Throws: ``SystemCallError`` from `socket(2)` or `sendto(2)`.
    package func send(_ lines: [String]) throws(SystemCallError) {
        let message = Array(lines.joined(separator: "\n").utf8)
        let path = Array(self.path.utf8)
        let outcome = unsafe message.withUnsafeBytes { message in
            unsafe path.withUnsafeBytes { path in
                unsafe clinux_notify(path.assumingMemoryBound(to: CChar.self).baseAddress, path.count, message.baseAddress, message.count)
            }
        }
        guard outcome == 0 else { throw SystemCallError("sendto") }
    }
}
