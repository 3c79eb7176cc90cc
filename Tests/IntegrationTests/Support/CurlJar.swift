import Foundation

/// A cookie jar that curl reads and writes.
struct CurlJar: Sendable {
    let path: String

    /// An empty jar.
    init(in folder: TestFolder) throws {
        self.path = folder.fresh("jar")
        try Data().write(to: URL(filePath: self.path))
    }

    /// A copy, as a thief makes it.
    func copied(in folder: TestFolder) throws -> CurlJar {
        let copy = try CurlJar(in: folder)
        try Data(contentsOf: URL(filePath: self.path)).write(to: URL(filePath: copy.path))
        return copy
    }

    /// The cookies by name.
    ///
    /// The lines of the file have seven fields divided by tabs, the last two of which are name and value.
    var cookies: [String: String] {
        var cookies: [String: String] = [:]
        for line in TestFolder.text(at: self.path).split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 7, !line.hasPrefix("# ") else { continue }
            cookies[String(fields[5])] = String(fields[6])
        }
        return cookies
    }

    /// All cookies as the value of a `Cookie` field.
    var field: String { self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") }
}
