internal import Glibc

/// A system call that failed.
package struct SystemCallError: Error, Sendable, Hashable {
    /// The name of the call, as in its manual page.
    package let call: String
    /// The value of `errno` after the call.
    package let code: CInt

    /// Captures `errno`, so it has to be the first thing after the failed call.
    package init(_ call: StaticString) {
        self.code = errno
        self.call = String(describing: call)
    }

    /// Names an error that a call reported in another way than through `errno`.
    package init(_ call: StaticString, code: CInt) {
        self.code = code
        self.call = String(describing: call)
    }
}

extension SystemCallError: CustomStringConvertible {
    /// The call and the system's words for the error, for a log line.
    package var description: String {
        unsafe "\(self.call): \(String(cString: strerror(self.code)))"
    }
}
