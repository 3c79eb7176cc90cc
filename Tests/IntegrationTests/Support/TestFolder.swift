import Foundation

/// A folder of its own for one test, removed with the value that owns it.
final class TestFolder: Sendable {
    /// The path; short, as sockets are in it.
    let path: String

    /// Makes the folder.
    ///
    /// - Parameter isOpen: Whether other users can reach files in it whose names they know; it is directly below `/tmp` then.
    init(isOpen: Bool = false) throws {
        let parent = isOpen ? "/tmp" : ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        self.path = "\(parent)/p\(String(UInt32.random(in: .min ... .max), radix: 36))"
        try FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: isOpen ? 0o711 : 0o700]
        )
    }

    /// The path of something in the folder.
    subscript(_ name: String) -> String { "\(self.path)/\(name)" }

    /// A path that was not given out before.
    func fresh(_ kind: String) -> String { self["\(kind)-\(String(UInt64.random(in: .min ... .max), radix: 36))"] }

    /// The content of a file in the folder; empty when it does not exist.
    func text(of name: String) -> String { Self.text(at: self[name]) }

    /// The content of a file; empty when it does not exist.
    static func text(at path: String) -> String {
        // To the end: `FileManager.contents` takes one page of what lies below /proc, whose files have no size.
        let file = FileHandle(forReadingAtPath: path)
        return String(decoding: (try? file?.readToEnd()) ?? Data(), as: UTF8.self)
    }

    /// Removes the folder now: the last reference may go only when the test process is ending already.
    func remove() {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    deinit { self.remove() }
}
