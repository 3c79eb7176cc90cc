import Glibc
import ParanoidLinux
import Logging
import Synchronization
import Testing

@testable import WorkerSupervisor

/// The parts that second processes play for the tests in `SecondProcessTests`.
@Suite("Parts in a second process")
struct SecondProcessParts {
    /// Takes over what a worker inherits, exchanges a byte with its sibling, serves until SIGTERM, and reports by exit code.
    @Test("A worker", .enabled(if: SecondProcess.plays("worker")))
    func worker() async throws {
        try ProcessHardening.apply()
        guard var inheritance = try WorkerBootstrap.adopt() else { exit(40) }
        guard inheritance.takeListener() != nil, let supervisorPipe = inheritance.takeSupervisorPipe(),
            let inbox = inheritance.takeHandoffSocket()
        else {
            exit(41)
        }
        for number in 3..<64 where number != supervisorPipe.number {
            let flags = fcntl(CInt(number), F_GETFD)
            guard flags < 0 || flags & FD_CLOEXEC != 0 else { exit(42) }
        }
        guard inheritance.siblings.map(\.slot) == [1 - inheritance.slot] else { exit(43) }
        try inheritance.siblings[0].descriptor.write(byte: UInt8(inheritance.slot))
        guard try DescriptorPoll.wait(for: [inbox.number], timeout: .seconds(60)) == [0] else { exit(44) }
        guard inbox.readAvailable(limit: 8) == [UInt8(1 - inheritance.slot)] else { exit(45) }
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0, limit.rlim_max == 0 else { exit(46) }
        guard umask(0) == 0o077 else { exit(47) }

        let source = try SignalSource([.terminate])
        try inheritance.ready()
        // A suspension: from now on the runtime's main thread lets all signals through.
        await Task.yield()
        try await Task.sleep(for: .milliseconds(1))
        // What a terminal sends to the whole process group is none of a worker's business.
        for number in [SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGTTIN, SIGTTOU] { kill(getpid(), number) }
        while true {
            let ready = try DescriptorPoll.wait(for: [source.descriptorNumber, supervisorPipe.number], timeout: nil)
            if source.read() == [.terminate] { break }
            if ready.contains(1) { exit(48) }
        }
        // The handoff sockets were closed before the signal was sent, so a sibling can no longer be written to.
        signal(SIGPIPE, SIG_IGN)
        do throws(SystemCallError) {
            try inheritance.siblings[0].descriptor.write(byte: 0)
            exit(49)
        } catch {
            exit(error.code == EPIPE ? 0 : 50)
        }
    }

    /// Loses its standard descriptors, as if it had been started without them, and reports by exit code.
    @Test("A process without standard descriptors", .enabled(if: SecondProcess.plays("closed descriptors")))
    func closedDescriptors() throws {
        for number in CInt(1)...2 { close(number) }
        guard try StandardDescriptors.openMissing() == [1, 2] else { exit(40) }
        close(0)
        guard try StandardDescriptors.openMissing() == [0] else { exit(41) }
        for number in CInt(0)...2 {
            var facts = stat()
            // Device 1:3 is /dev/null (null(4)); what this process starts gets it, too.
            guard unsafe fstat(number, &facts) == 0, facts.st_rdev == 0x103, fcntl(number, F_GETFD) == 0 else { exit(42) }
        }
        guard try StandardDescriptors.openMissing() == [] else { exit(43) }
        let file = unsafe open("/dev/zero", O_RDONLY)
        exit(file > 2 ? 0 : 44)
    }

    /// Has no standard error when its log file is opened, and reports by exit code.
    @Test("A process whose log file takes the place of a closed standard error", .enabled(if: SecondProcess.plays("closed error")))
    func closedError() throws {
        let path = ProcessEnvironment.current()["DIRECTORY"]! + "/log"
        close(2)
        try LogFile(path).openAsStandardError()
        StandardError.write(Array("first\n".utf8))
        try LogFile(path).openAsStandardError()
        StandardError.write(Array("second\n".utf8))
        exit(fcntl(2, F_GETFD) == 0 ? 0 : 40)
    }

    /// Supervises scripted workers with the real signals of its process; ends with the supervisor's code.
    @Test("A supervisor", .enabled(if: SecondProcess.plays("supervisor")))
    func supervisor() async throws {
        let path = ProcessEnvironment.current()["DIRECTORY"]!
        let directory = BorrowedDirectory(path: path)
        let listener = try OwnedDescriptor.inheritedStandardInput()
        var configuration = SupervisorConfiguration(
            workers: 2,
            programPath: "/bin/sh",
            arguments: ["sh", "-c", "umask >> \"$DIRECTORY/masks\"\n" + ScriptedWorkers.serving],
            ownsProcess: true
        )
        configuration.environment = ["DIRECTORY": path]
        if ProcessEnvironment.current()["HAS_ORPHANS"] != nil {
            // As in a container whose PID 1 this is.
            try OrphanedProcesses.askFor()
            configuration.arguments[2] = ScriptedWorkers.leavingOrphans + ScriptedWorkers.serving
        }
        let supervisor = try Supervisor(configuration: configuration, listener: listener, logger: directory.logger)
        exit(await supervisor.run())
    }
}

/// A directory that belongs to another process; the log goes into it, a line per message.
private struct BorrowedDirectory {
    let path: String

    var logger: Logger {
        var logger = Logger(label: "supervisor") { _ in Handler(path: self.path) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let path: String
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let file = unsafe fopen("\(self.path)/log", "a") else { return }
            unsafe fputs("\(event.message)\n", file)
            if let process = event.metadata?["worker.pid"], let processes = unsafe fopen("\(self.path)/processes", "a") {
                unsafe fputs("\(process)\n", processes)
                unsafe fclose(processes)
            }
            unsafe fclose(file)
        }
    }
}
