internal import Glibc

/// Ends a program that cannot start.
package enum ProcessExit {
    /// Writes one line to standard error and ends the process; handlers of `atexit(3)` run.
    package static func fail(_ message: String, code: CInt) -> Never {
        let line = message + "\n"
        _ = unsafe line.withCString { text in unsafe write(STDERR_FILENO, text, strlen(text)) }
        exit(code)
    }
}
