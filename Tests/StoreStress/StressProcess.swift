internal import Glibc
internal import ParanoidLinux

/// A process of the stress tests as its parent sees it.
final class StressProcess {
    private var process: SpawnedProcess

    /// Starts one.
    init(program: String, arguments: [String]) throws {
        let command = SpawnedProcess.Command(path: program, arguments: [program] + arguments, environment: .current())
        self.process = try SpawnedProcess(command, mappings: [])
    }

    /// Kills it and waits until it is gone.
    func kill() throws -> WaitStatus {
        try self.process.send(.kill)
        return try self.process.waitUntilEnded()
    }

    /// Waits until it ends by itself; `nil` when it does not within so many seconds.
    func wait(seconds: Int) throws -> WaitStatus? {
        for _ in 0..<seconds * 100 {
            if let status = try self.process.statusIfEnded() { return status }
            usleep(10_000)
        }
        return nil
    }
}
