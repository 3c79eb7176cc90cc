internal import Glibc
internal import ParanoidLinux
internal import ParanoidSessions

/// A file that says which session is the current one of its kind, as a cookie would.
final class Whereabouts: Sendable {
    private let descriptor: CInt

    /// Opens or creates the file.
    init(_ path: String) throws {
        self.descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw SystemCallError("open") }
    }

    deinit { close(self.descriptor) }

    /// The current session; `nil` when there was none yet.
    ///
    /// An identifier that is just being replaced may come out mixed: such a session does not exist.
    var current: SessionIdentifier? {
        var text = [UInt8](repeating: 0, count: SessionIdentifier.cookieValueLength)
        let count = unsafe text.withUnsafeMutableBytes { unsafe pread(self.descriptor, $0.baseAddress, $0.count, 0) }
        return count == text.count ? SessionIdentifier(cookieValue: text) : nil
    }

    /// Makes a session the current one.
    func publish(_ identifier: SessionIdentifier) {
        let text = Array(identifier.cookieValue.utf8)
        let count = unsafe text.withUnsafeBytes { unsafe pwrite(self.descriptor, $0.baseAddress, $0.count, 0) }
        if count != text.count { ProcessExit.fail("store-stress: whereabouts cannot be written", code: 3) }
    }
}
