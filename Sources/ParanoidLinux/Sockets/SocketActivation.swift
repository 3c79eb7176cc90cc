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
        guard let owner = environment["LISTEN_PID"], owner == String(process), let text = environment["LISTEN_FDS"],
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let count = Int(text), (1...1024).contains(count)
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
