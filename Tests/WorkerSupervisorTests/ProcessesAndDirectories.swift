import Glibc
import Testing

/// Whether a process exists, as a zombie or alive.
func exists(_ process: String) -> Bool {
    guard let number = pid_t(process) else { return false }
    return kill(number, 0) == 0
}

/// Whether a process runs; a zombie, which its adoptive parent has yet to collect, does not.
func isRunning(_ process: String) -> Bool {
    guard let file = unsafe fopen("/proc/\(process)/stat", "r") else { return false }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    // The state follows the name in parentheses (proc(5)).
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), end + 2 < bytes.count else { return false }
    return bytes[end + 2] != UInt8(ascii: "Z")
}

/// A directory of its own for one test, removed with everything in it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/supervision-XXXXXX".utf8CString)
        self.path = unsafe template.withUnsafeMutableBufferPointer { unsafe String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        for name in self.names { unsafe unlink("\(self.path)/\(name)") }
        unsafe rmdir(self.path)
    }

    var names: [String] {
        var names: [String] = []
        guard let directory = unsafe opendir(self.path) else { return [] }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        unsafe closedir(directory)
        return names.sorted()
    }

    /// The lines of a file, none if it does not exist.
    func lines(_ name: String) -> [String] {
        guard let file = unsafe fopen("\(self.path)/\(name)", "r") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = unsafe getc(file)
            guard byte != EOF else { break }
            bytes.append(UInt8(byte))
        }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    func write(_ text: String, to name: String) {
        guard let file = unsafe fopen("\(self.path)/\(name)", "w") else { return }
        // A file of settings is for its owner only.
        _ = unsafe fchmod(fileno(file), 0o600)
        unsafe fputs(text, file)
        unsafe fclose(file)
    }
}
