internal import CLinux
internal import Glibc

/// Directories for tests and self-tests.
package enum ScratchDirectory {
    /// Creates an empty directory with mode 0700 and a name nobody has (`mkdtemp(3)`), and returns its path.
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
