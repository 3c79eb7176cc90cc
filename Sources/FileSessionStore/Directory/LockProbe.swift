internal import ParanoidLinux
internal import ParanoidSessions

/// Tries whether `flock(2)` in a directory really excludes another process.
///
/// The other process is util-linux's `flock(1)`, which is asked to take a lock that this process holds, and again when it does not.
enum LockProbe {
    private static let program = "/usr/bin/flock"

    /// - Throws: `refused` when the lock does not exclude, or when that cannot be tried.
    static func run(in root: borrowing SecureDirectory, path: String) throws(SessionStoreError) {
        let name = "lock-probe-\(SystemRandom.bytes(8).reduce("") { $0 + String($1, radix: 16) })"
        do {
            let file = try root.createFile(name)
            defer { try? root.removeFile(name) }
            let isHeld = try FileLock.tryLock(file)
            let isExcluded = try !Self.otherProcessLocks("\(path)/\(name)")
            FileLock.unlock(file)
            let isFree = try Self.otherProcessLocks("\(path)/\(name)")
            guard isHeld && isExcluded && isFree else {
                throw SessionStoreError(.refused, message: "file locks do not work between processes in the session directory \(path)")
            }
        } catch let error as SessionStoreError {
            throw error
        } catch {
            throw SessionStoreError(
                .refused,
                message: "whether file locks work in the session directory \(path) cannot be tried (it takes \(Self.program))",
                cause: error
            )
        }
    }

    private static func otherProcessLocks(_ path: String) throws(SystemCallError) -> Bool {
        let arguments = ["flock", "--nonblock", "--conflict-exit-code", "75", path, "/bin/true"]
        let command = SpawnedProcess.Command(path: Self.program, arguments: arguments, environment: ProcessEnvironment())
        var process = try SpawnedProcess(command, mappings: [])
        switch try process.waitUntilEnded() {
        case .exited(0): return true
        case .exited(75): return false
        default: throw SystemCallError.inputOutput
        }
    }
}
