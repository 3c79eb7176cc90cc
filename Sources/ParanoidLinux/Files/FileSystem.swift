internal import CLinux
internal import Glibc

/// What `statfs(2)` says about the file system of a directory.
package struct FileSystemKind: Sendable, Hashable {
    /// The `f_type` field.
    package let magic: UInt32

    /// Names a kind by its number.
    package init(magic: UInt32) {
        self.magic = magic
    }

    /// The name of a file system that other hosts or a user's program serve, where locks and renames may mean something else; else `nil`.
    package var remoteName: String? {
        switch self.magic {
        case 0x6969: "NFS"
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: "SMB"
        case 0x6573_5546: "FUSE"
        case 0x0102_1997: "9P"
        case 0x5346_414F, 0x6B41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x564C: "NCP"
        case 0x00C3_6400: "Ceph"
        case 0x0116_1970: "GFS2"
        case 0x7461_636F: "OCFS2"
        case 0x0BD0_0BD0: "Lustre"
        case 0x4750_4653: "GPFS"
        case 0x1983_0326: "BeeGFS"
        case 0x786F_4256: "vboxsf"
        default: nil
        }
    }
}

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

/// Directories for tests and self-tests.
package enum ScratchDirectory {
    /// Creates an empty directory with mode 0700 and a name that is not taken (`mkdtemp(3)`), and returns its path.
    package static func make(in parent: String) throws(SystemCallError) -> String {
        var template = Array("\(parent)/paranoid-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }
        guard made else { throw SystemCallError("mkdtemp") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a directory and all below it as far as possible; follows no symbolic link.
    package static func removeTree(at path: String) {
        unsafe clinux_remove_tree(path)
    }
}
