/// Why an application could not serve.
public struct ApplicationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened.
    public let description: String
    /// The exit code that says so (`sysexits.h`).
    public let exitCode: Int32

    static let noProgramPath = ApplicationError(description: "the program's path is unknown: is /proc mounted?", exitCode: 71)
    static let noListener = ApplicationError(description: "the supervisor has passed no listener on", exitCode: 71)

    static func workersFailed(exitCode: Int32) -> ApplicationError {
        ApplicationError(description: "the workers could not be kept running (exit code \(exitCode))", exitCode: exitCode)
    }
}
