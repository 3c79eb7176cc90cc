internal import Glibc

/// Files of other programs that are read as a whole.
package enum TextFile {
    /// The text of a file, at most 1 MiB of it, or as much as said; `nil` when it cannot be read.
    package static func contents(of path: String, limit: Int = 1 << 20) -> String? {
        ProcFile.contents(of: path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The paths that match a pattern with `*` and `?`, in order (`glob(3)`); the path itself where it has none of them.
    package static func matching(_ pattern: String) -> [String] {
        guard pattern.utf8.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }) else { return [pattern] }
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        guard unsafe glob(pattern, 0, nil, &found) == 0 else { return [] }
        return unsafe (0..<Int(found.gl_pathc)).compactMap { index in unsafe found.gl_pathv[index].map { unsafe String(cString: $0) } }
    }
}
