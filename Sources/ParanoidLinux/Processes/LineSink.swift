internal import CLinux
internal import Glibc
internal import Synchronization

/// Where the lines of a log of its own go: a file, an inherited descriptor, or the system's log.
///
/// A reader that has stopped must not stop this program: lines that it does not take at once are lost and counted.
package final class LineSink: Sendable {
    /// The kinds of places.
    package enum Place: Sendable, Hashable {
        /// Standard output.
        case standardOutput
        /// Standard error.
        case standardError
        /// A file, which is made with mode 0600 where there is none.
        case file(String)
        /// The system's log (`/dev/log`, facility local0, RFC 3164), which the journal reads as well.
        case systemLog(tag: String)
    }

    private struct State {
        var descriptor: CInt = -1
        var lost = 0
    }

    /// The place.
    package let place: Place
    private let state = Mutex(State())

    /// Opens a place.
    ///
    /// - Throws: ``SystemCallError`` for a file that cannot be opened.
    package init(_ place: Place) throws(SystemCallError) {
        self.place = place
        try self.reopen()
    }

    deinit {
        self.state.withLock { state in
            if case .file = self.place, state.descriptor >= 0 { _ = close(state.descriptor) }
        }
    }

    /// Opens a file anew, after it was renamed; the one before stays in use when that fails.
    package func reopen() throws(SystemCallError) {
        switch self.place {
        case .standardOutput: self.state.withLock { $0.descriptor = STDOUT_FILENO }
        case .standardError: self.state.withLock { $0.descriptor = STDERR_FILENO }
        case .systemLog: break
        case .file(let path):
            // A pipe without a reader would hold the process here.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            let number = unsafe open(path, flags, 0o600)
            guard number >= 0 else { throw SystemCallError("open") }
            let before = self.state.withLock { state in
                defer { state.descriptor = number }
                return state.descriptor
            }
            if before >= 0 { _ = close(before) }
        }
    }

    /// The most bytes of lines that stay together, beside those of other processes, when one call writes them; 0: each line has its own call.
    package var longestPiece: Int {
        switch self.place {
        case .file: 16 << 10
        // What a pipe takes as one piece (PIPE_BUF, pipe(7)).
        case .standardOutput, .standardError: 4096
        case .systemLog: 0
        }
    }

    /// Writes lines with their ends in one call, so that lines of several processes stay whole.
    ///
    /// - Parameters:
    ///   - lines: At most ``longestPiece`` bytes, or one line.
    ///   - count: How many there are.
    ///   - notice: The line that says how many were lost; it goes before the first line that can be written again.
    package func write(_ lines: [UInt8], count: Int = 1, notice: (_ lost: Int) -> [UInt8] = { _ in [] }) {
        self.state.withLock { state in
            let bytes = state.lost > 0 ? notice(state.lost) + lines : lines
            state.lost = self.put(bytes, on: state.descriptor) ? 0 : state.lost + count
        }
    }

    private func put(_ bytes: [UInt8], on descriptor: CInt) -> Bool {
        if case .systemLog(let tag) = self.place {
            // Facility local0, severity info.
            let message = Array("<134>\(tag): ".utf8) + bytes.dropLast()
            let path = Array("/dev/log".utf8)
            return unsafe path.withUnsafeBytes { path in
                unsafe message.withUnsafeBytes { message in
                    unsafe clinux_notify(
                        path.baseAddress!.assumingMemoryBound(to: CChar.self),
                        path.count,
                        message.baseAddress,
                        message.count,
                        0
                    ) == 0
                }
            }
        }
        // A file does not wait, and a pipe among files was opened so that it does not.
        if case .file = self.place {
        } else {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard unsafe poll(&entry, 1, 0) > 0 else { return false }
        }
        let count = unsafe bytes.withUnsafeBytes { unsafe clinux_write_now(descriptor, $0.baseAddress, $0.count) }
        return count == bytes.count
    }
}
