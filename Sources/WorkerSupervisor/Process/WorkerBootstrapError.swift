package import ParanoidLinux

/// What a process that is told to be a worker has is not what a supervisor leaves to one.
package struct WorkerBootstrapError: Error, Sendable {
    /// What is wrong, for a person who set the variables by hand.
    package let message: String
    /// The call that failed, if one did.
    package let cause: SystemCallError?

    init(_ message: String, cause: SystemCallError? = nil) {
        self.message = message
        self.cause = cause
    }
}

extension WorkerBootstrapError: CustomStringConvertible {
    /// Message and cause.
    package var description: String { self.message + (self.cause.map { " (\($0))" } ?? "") }
}
