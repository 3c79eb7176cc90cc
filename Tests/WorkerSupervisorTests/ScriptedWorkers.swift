import Glibc
import ParanoidLinux

@testable import WorkerSupervisor

/// Shell scripts that pretend to be workers, so that real processes are supervised without a program of ours.
enum ScriptedWorkers {
    /// Serves until SIGTERM, or until the supervisor is gone; both leave a line in the file `events`.
    ///
    /// The subshell reads the supervisor pipe: a trap runs at once only during `wait`. It gives up its own copies of the other descriptors.
    static let serving = """
        trap 'echo "drained $PARANOID_WORKER" >> "$DIRECTORY/events"; kill $line; exit 0' TERM
        cat <&4 >/dev/null 3>&- &
        line=$!
        echo $line >> "$DIRECTORY/helpers"
        printf R >&3
        wait $line
        echo "orphaned $PARANOID_WORKER" >> "$DIRECTORY/events"
        """

    /// Leaves a process behind whose parent has ended, and its number in the file `orphans`.
    static let leavingOrphans = """
        (sh -c 'echo $$ >> "$DIRECTORY/orphans"; exec sleep 0.1' >/dev/null 3>&- 4>&- &)

        """

    static func configuration(
        _ script: String,
        workers: Int = 2,
        directory: TemporaryDirectory,
        ownsProcess: Bool = false
    ) -> SupervisorConfiguration {
        SupervisorConfiguration(
            workers: workers,
            programPath: "/bin/sh",
            arguments: ["sh", "-c", script],
            environment: ["DIRECTORY": directory.path],
            // So long that no test gets there, except those that set them smaller.
            readinessTimeout: .seconds(120),
            gracePeriod: .seconds(120),
            backoff: RestartBackoff(initialDelay: .milliseconds(1), maximumDelay: .milliseconds(8), minimumUptime: .seconds(120)),
            ownsProcess: ownsProcess
        )
    }

    /// A unix socket in the directory that listens.
    static func listener(in directory: TemporaryDirectory) -> OwnedDescriptor {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = "\(directory.path)/socket".utf8CString
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            unsafe path.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
        }
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(bound == 0 && listen(number, 16) == 0)
        return OwnedDescriptor(owning: number)
    }
}
