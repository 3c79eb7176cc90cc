internal import ParanoidLinux

extension NginxConfiguration {
    /// Reads a configuration and the files that it includes; blocks while they are read.
    ///
    /// - Throws: ``Problem`` for a file that cannot be read or understood. An included file that cannot be read is left out.
    package init(file path: String) throws(Problem) {
        guard let text = TextFile.contents(of: path) else { throw Problem(description: "\(path) cannot be read") }
        let directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
        do throws(Problem) {
            try self.init(text) { name in
                let full = name.hasPrefix("/") ? name : "\(directory)/\(name)"
                return TextFile.matching(full).compactMap { TextFile.contents(of: $0) }
            }
        } catch {
            throw Problem(description: "\(path): \(error.description)")
        }
    }
}
