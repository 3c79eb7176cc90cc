internal import CLinux
internal import Glibc

/// The open sockets that a service manager has passed to this process (`sd_listen_fds(3)`), by name.
package struct SocketActivation: Sendable, Hashable {
    /// One of them.
    package struct Entry: Sendable, Hashable {
        /// The name from `FileDescriptorName=`; `unknown` if none was given.
        package let name: String
        /// The descriptor.
        package let number: CInt
    }

    /// The variables that say what was passed; meant for one process, and not for its children.
    package static let variables = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID"]

    /// The sockets in the order of their numbers, which begin at 3.
    package let entries: [Entry]

    /// Reads the variables; pure.
    ///
    /// Without a `LISTEN_PID` that is this process's they are another's, and there are no sockets.
    ///
    /// - Parameter process: The number of this process.
    package init(_ environment: ProcessEnvironment, process: Int) {
        guard environment.number(of: "LISTEN_PID") == process, let count = environment.number(of: "LISTEN_FDS"), (1...1024).contains(count)
        else {
            self.entries = []
            return
        }
        let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
        self.entries = (0..<count).map { index in
            // As in sd_listen_fds_with_names(3).
            let name = names.indices.contains(index) && !names[index].isEmpty ? names[index] : "unknown"
            return Entry(name: name, number: CInt(3 + index))
        }
    }

    /// Those of this process.
    package static func ofThisProcess() -> SocketActivation {
        SocketActivation(.current(), process: ProcessFacts.processID)
    }

    /// Finds a socket.
    ///
    /// - Parameter name: Its name; `nil` means the only one.
    /// - Returns: `nil` if none has the name, or several have.
    package func entry(named name: String?) -> Entry? {
        let matching = self.entries.filter { name == nil || $0.name == name }
        return matching.count == 1 ? matching[0] : nil
    }
}

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
                unsafe clinux_notify(
                    path.assumingMemoryBound(to: CChar.self).baseAddress,
                    path.count,
                    message.baseAddress,
                    message.count,
                    1
                )
            }
        }
        guard outcome == 0 else { throw SystemCallError("sendto") }
    }
}
