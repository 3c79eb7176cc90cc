internal import ParanoidLinux
internal import ParanoidSessions

/// Which sessions carry which user's tag: an empty file per session, named after both, in 4096 directories by tag.
///
/// A name is made before the session that needs it is written and goes after the session has ended, so whoever dies in between leaves a
/// name too many, never one too few; readers look at the session itself, and the sweeper takes such names away. There is nothing in these
/// files that could be torn, and nobody locks anything.
struct SessionUserIndex: Sendable {
    /// The directory, below that of the store.
    static let directory = "users"
    private static let tagDigits = 32
    private static let shardDigits = 3

    /// Whether a name is that of a shard.
    static func isShard(_ name: String) -> Bool {
        name.utf8.count == Self.shardDigits && name.utf8.allSatisfy(SessionName.isDigit)
    }

    let isDurable: Bool
    let faults: FileFaults?

    private static func shard(ofTag digits: String) -> String {
        "\(Self.directory)/\(digits.prefix(Self.shardDigits))"
    }

    private static func path(_ tag: UserTag, _ name: SessionName) -> String {
        let digits = tag.hexadecimal
        return "\(Self.shard(ofTag: digits))/\(digits).\(name.hexadecimal)"
    }

    /// The tag and the session that an entry stands for; `nil` for anything that is not the name of one.
    static func parse(_ entry: String) -> (tag: Substring, name: SessionName)? {
        guard entry.utf8.count == Self.tagDigits + 1 + 2 * SessionName.byteCount else { return nil }
        let dot = entry.utf8.index(entry.startIndex, offsetBy: Self.tagDigits)
        guard entry.utf8[dot] == UInt8(ascii: "."),
            let name = SessionName(hexadecimal: Array(entry.utf8[entry.utf8.index(after: dot)...]))
        else { return nil }
        return (entry[..<dot], name)
    }

    // MARK: Changing

    /// Adds an entry.
    ///
    /// - Returns: `false` when it was there.
    func add(_ tag: UserTag, _ name: SessionName, in root: borrowing SecureDirectory) throws(SystemCallError) -> Bool {
        try self.faults.check(.index)
        let path = Self.path(tag, name)
        while true {
            do {
                _ = try root.createFile(path)
                if self.isDurable { try root.synchronize(Self.shard(ofTag: tag.hexadecimal)) }
                return true
            } catch  where error.isAlreadyThere {
                return false
            } catch  where error.isAbsent {
                let isNew = try root.makeDirectory(Self.directory)
                let isNewShard = try root.makeDirectory(Self.shard(ofTag: tag.hexadecimal))
                if self.isDurable && isNew { try root.synchronize() }
                if self.isDurable && isNewShard { try root.synchronize(Self.directory) }
            }
        }
    }

    /// Takes an entry away, if it is there.
    ///
    /// One that stays is found by the sweeper.
    func remove(_ tag: UserTag, _ name: SessionName, in root: borrowing SecureDirectory) {
        try? root.removeFile(Self.path(tag, name))
    }

    // MARK: Reading

    /// The sessions that carry a tag.
    func names(ofUser tag: UserTag, in root: borrowing SecureDirectory) throws(SecureDirectoryError) -> [SessionName] {
        let digits = tag.hexadecimal
        return try Self.entries(of: Self.shard(ofTag: digits), in: root).compactMap { entry in
            guard let (owner, name) = Self.parse(entry), owner == digits else { return nil }
            return name
        }
    }

    /// The entries of a shard, none where there is no such directory.
    static func entries(of path: String, in root: borrowing SecureDirectory) throws(SecureDirectoryError) -> [String] {
        guard let directory = try root.openDirectory(path) else { return [] }
        do { return try directory.entries() } catch { throw .system(error, path: path) }
    }
}
