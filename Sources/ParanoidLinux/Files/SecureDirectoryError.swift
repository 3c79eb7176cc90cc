/// Why a directory is not used.
package enum SecureDirectoryError: Error, Sendable, Hashable {
    /// A system call failed at a path.
    case system(SystemCallError, path: String)
    /// The path leads to something else.
    case notDirectory(path: String)
    /// The directory belongs to neither this process's user nor, where that is enough, root.
    case foreignOwner(path: String, owner: UInt32)
    /// Others may write into the directory, or put another one in its place.
    case writableByOthers(path: String, permissions: UInt32)
}

extension SecureDirectoryError: CustomStringConvertible {
    /// What is wrong with which directory, for a log line.
    package var description: String {
        switch self {
        case .system(let error, let path): "\(path): \(error)"
        case .notDirectory(let path): "\(path) is not a directory"
        case .foreignOwner(let path, let owner): "\(path) belongs to user \(owner)"
        case .writableByOthers(let path, let permissions):
            "\(path) can be written by others (mode \(String(permissions, radix: 8)))"
        }
    }
}
