internal import Glibc

/// Looks at files and sockets and changes nothing.
package enum FileProbe {
    /// Who listens on a unix socket.
    package enum Listener: Sendable, Hashable {
        case answers
        case absent
        /// The file is there, and no process listens.
        case silent
        case other(SystemCallError)
    }

    /// Whether somebody answers on a unix socket.
    package static func listener(at path: String) -> Listener {
        guard let address = SocketAddress(unixPath: path) else { return .absent }
        do throws(SystemCallError) {
            let socket = try Socket(for: address)
            try socket.setNonBlocking()
            try socket.connect(to: address)
            return .answers
        } catch {
            switch error.code {
            case ENOENT: return .absent
            case ECONNREFUSED: return .silent
            // A full queue: somebody listens.
            case EAGAIN: return .answers
            default: return .other(error)
            }
        }
    }

    /// Whether this process may execute a file.
    package static func isExecutable(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// Whether there is something in the place of the directory of a file.
    package static func isThere(directoryOf path: String) -> Bool {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { return true }
        return unsafe access(String(path[..<slash]), F_OK) == 0
    }

    /// Why a file cannot be written, or made where there is none; `nil` when it can.
    package static func problem(writing path: String) -> SystemCallError? {
        if unsafe access(path, F_OK) == 0 { return unsafe access(path, W_OK) == 0 ? nil : SystemCallError("access") }
        let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        return unsafe access(parent, W_OK | X_OK) == 0 ? nil : SystemCallError("access")
    }
}
