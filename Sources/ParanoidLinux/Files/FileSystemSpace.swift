internal import CLinux

/// What is left of a file system for users without privileges (`statvfs(3)`).
package struct FileSystemSpace: Sendable, Hashable {
    /// Bytes that can still be written.
    package var bytesFree: UInt64
    /// Bytes in all.
    package var bytes: UInt64
    /// Files that can still be made.
    package var inodesFree: UInt64
    /// Files in all; 0 where the file system does not count them.
    package var inodes: UInt64

    /// Creates a value.
    package init(bytesFree: UInt64, bytes: UInt64, inodesFree: UInt64, inodes: UInt64) {
        self.bytesFree = bytesFree
        self.bytes = bytes
        self.inodesFree = inodesFree
        self.inodes = inodes
    }
}

extension SecureDirectory {
    /// How much space is left around the directory; `nil` when the system does not say.
    package borrowing func space() -> FileSystemSpace? {
        var space = FileSystemSpace(bytesFree: 0, bytes: 0, inodesFree: 0, inodes: 0)
        let result = unsafe clinux_filesystem_space(
            self.number,
            &space.bytesFree,
            &space.bytes,
            &space.inodesFree,
            &space.inodes
        )
        return result == 0 ? space : nil
    }
}
