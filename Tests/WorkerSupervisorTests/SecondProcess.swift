import Glibc
import ParanoidLinux

/// This test program once more, running one test that plays a part: a worker, or a supervisor with a process of its own.
enum SecondProcess {
    /// Names the part; without it those tests are skipped.
    static let variable = "SUPERVISION_TEST_PART"

    static func plays(_ part: String) -> Bool {
        ProcessEnvironment.current()[Self.variable] == part
    }

    /// The arguments after the program's path that select the parts.
    static let arguments = ["--testing-library", "swift-testing", "--filter", "WorkerSupervisorTests.SecondProcessParts"]

    /// A command that plays a part without writing a test report.
    static func command(_ part: String, environment additions: [String: String]) throws -> SpawnedProcess.Command {
        var environment = ProcessEnvironment.current()
        environment[Self.variable] = part
        for (name, value) in additions { environment[name] = value }
        return SpawnedProcess.Command(path: "/bin/sh", arguments: try Self.shellArguments(), environment: environment)
    }

    /// Arguments for `/bin/sh` that execute this program silently.
    static func shellArguments() throws -> [String] {
        let program = try SpawnedProcess.currentProgramPath()
        return ["sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", program, program] + Self.arguments
    }
}
