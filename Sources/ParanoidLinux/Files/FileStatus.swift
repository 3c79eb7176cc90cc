internal import Glibc

/// What the system knows about a file (`fstat(2)`).
package struct FileStatus: Sendable, Hashable {
    /// The kinds of file that matter here.
    package enum Kind: Sendable, Hashable {
        case regular
        case directory
        case symbolicLink
        case other
    }

    /// The kind of file.
    package let kind: Kind
    /// The twelve permission bits.
    package let permissions: UInt32
    /// The user who owns the file.
    package let owner: UInt32
    /// The number of names the file has; 0 once it is removed.
    package let linkCount: Int
    /// What tells this file from every other existing one.
    package let identity: FileIdentity
    /// The size in bytes.
    package let size: Int
    /// When the contents last changed, in nanoseconds since the Unix epoch.
    package let modifiedAt: Int64

    internal init(_ facts: stat) {
        switch facts.st_mode & S_IFMT {
        case S_IFREG: self.kind = .regular
        case S_IFDIR: self.kind = .directory
        case S_IFLNK: self.kind = .symbolicLink
        default: self.kind = .other
        }
        self.permissions = facts.st_mode & 0o7777
        self.owner = facts.st_uid
        self.linkCount = Int(facts.st_nlink)
        self.identity = FileIdentity(device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino))
        self.size = Int(facts.st_size)
        self.modifiedAt = Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec)
    }

    /// Whether the file belongs to the user this process acts as.
    package var isOwn: Bool { self.owner == Self.processUser }

    /// Asked once: a process that is serving does not change its user any more.
    private static let processUser = geteuid()
}

/// Device and inode: equal for two descriptors of one file, different for two files that exist at the same time.
package struct FileIdentity: Sendable, Hashable {
    /// The device number.
    package let device: UInt64
    /// The inode number.
    package let inode: UInt64
}
