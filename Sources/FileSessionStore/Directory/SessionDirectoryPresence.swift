package import ParanoidLinux

/// What there is of a session directory, found out without changing anything.
package enum SessionDirectoryPresence: Sendable, Hashable {
    /// There is no directory at the path, or nothing of a store is in it.
    case absent
    /// A store was opened there, and no session is in it.
    case empty
    /// At least one session is stored there, perhaps an expired one.
    case holdsSessions

    /// Looks at a path; blocks for as long as the disk takes.
    ///
    /// - Throws: ``SecureDirectoryError`` when what is there cannot be used.
    package init(at path: String) throws(SecureDirectoryError) {
        guard let root = try SecureDirectory.openExisting(path) else {
            self = .absent
            return
        }
        do throws(SystemCallError) {
            let entries = Set(try root.entries())
            self = entries.contains(SessionControlPage.file) ? .empty : .absent
            for shard in SessionDirectory.shards where entries.contains(shard) {
                guard let directory = try? root.openDirectory(shard) else { continue }
                if try directory.entries().contains(where: { SessionDirectory.name(ofFile: $0) != nil }) {
                    self = .holdsSessions
                    return
                }
            }
        } catch {
            throw .system(error, path: path)
        }
    }
}
