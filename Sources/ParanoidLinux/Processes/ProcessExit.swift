internal import Glibc

/// Ends a program that cannot start.
package enum ProcessExit {
    /// Writes bytes to standard error in one call (`write(2)`), so that lines of several processes stay whole; what cannot be written is lost.
    package static func report(_ bytes: [UInt8]) {
        _ = unsafe bytes.withUnsafeBytes { bytes in unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    /// Writes one line to standard error and ends the process; handlers of `atexit(3)` run.
    package static func fail(_ message: String, code: CInt) -> Never {
        let line = message + "\n"
        _ = unsafe line.withCString { text in unsafe write(STDERR_FILENO, text, strlen(text)) }
        exit(code)
    }
}
