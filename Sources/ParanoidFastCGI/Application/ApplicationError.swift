internal import WorkerSupervisor

/// Why an application could not serve.
public struct ApplicationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened.
    public let description: String
    /// The exit code that says so (`sysexits.h`).
    public let exitCode: Int32

    static let noProgramPath = ApplicationError("the program's path is unknown: is /proc mounted?")
    static let noListener = ApplicationError("the supervisor has passed no listener on")

    static func workersFailed(exitCode: Int32) -> ApplicationError {
        ApplicationError("the workers could not be kept running (exit code \(exitCode))", exitCode: exitCode)
    }

    init(_ description: String, exitCode: Int32 = SupervisorExitCode.cannotSpawn) {
        self.description = description
        self.exitCode = exitCode
    }
}
