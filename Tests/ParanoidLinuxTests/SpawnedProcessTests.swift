import Glibc
import ParanoidLinux
import Synchronization
import Testing

@Suite("Spawned process")
struct SpawnedProcessTests {
    static func shell(_ script: String, blocked: [ProcessSignal] = []) -> SpawnedProcess.Command {
        SpawnedProcess.Command(path: "/bin/sh", arguments: ["sh", "-c", script], environment: .current(), blockedSignals: blocked)
    }

    struct End: Sendable, CustomTestStringConvertible {
        var script: String
        var status: WaitStatus
        var testDescription: String { self.script }
    }

    @Test(
        "reports how it ended",
        arguments: [
            End(script: "exit 0", status: .exited(0)),
            End(script: "exit 78", status: .exited(78)),
            End(script: "kill -TERM $$", status: .signalled(SIGTERM)),
            End(script: "kill -KILL $$", status: .signalled(SIGKILL)),
        ]
    )
    func ends(_ row: End) throws {
        var process = try SpawnedProcess(Self.shell(row.script), mappings: [])
        #expect(try DescriptorPoll.wait(for: [process.descriptor.number], timeout: .seconds(60)) == [0])
        #expect(try process.statusIfEnded() == row.status)
        #expect(try process.waitUntilEnded() == row.status)
        // Too late, and not an error.
        try process.send(.kill)
    }

    @Test("names the signal that ended it, faults as well")
    func signalNames() {
        let names = [SIGKILL: "SIGKILL", SIGILL: "SIGILL", SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGTRAP: "SIGTRAP", 63: "signal 63"]
        for (number, name) in names { #expect("\(WaitStatus.signalled(number))" == name) }
    }

    @Test("has the nice value of its parent's first thread, as have threads, whichever thread starts them")
    func niceValue() throws {
        // Tasks run on threads of libdispatch, which have set their own nice value to 0. Everybody may raise one.
        let process = id_t(getpid())
        let before = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), process)
        let raised = min(before + 1, 19)
        #expect(setpriority(__priority_which_t(PRIO_PROCESS.rawValue), process, raised) == 0)
        defer { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), process, before) }

        let ofThread = Mutex(CInt.min)
        let thread = try Thread(name: "nice") { ofThread.withLock { $0 = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) } }
        thread.join()
        #expect(ofThread.withLock { $0 } == raised)

        var child = try SpawnedProcess(Self.shell("read -r line </proc/$$/stat; set -- ${line##*) }; exit $((${17} + 40))"), mappings: [])
        #expect(try child.waitUntilEnded() == .exited(CInt(raised + 40)))
    }

    @Test("swaps descriptors whose numbers are each other's targets")
    func collidingMappings() throws {
        let first = try DescriptorPair.pipe(nonblocking: false)
        let second = try DescriptorPair.pipe(nonblocking: false)
        let (low, high) = (first.writing.number, second.writing.number)
        var process = try SpawnedProcess(
            Self.shell("printf a >/proc/$$/fd/\(low); printf b >/proc/$$/fd/\(high)"),
            mappings: [SpawnedProcess.Mapping(low, to: high), SpawnedProcess.Mapping(high, to: low)]
        )
        #expect(try process.waitUntilEnded() == .exited(0))
        #expect(second.reading.readAvailable(limit: 8) == Array("a".utf8))
        #expect(first.reading.readAvailable(limit: 8) == Array("b".utf8))
    }

    @Test("closes all other descriptors, gaps between targets included")
    func closesOthers() throws {
        let pipe = try DescriptorPair.pipe(nonblocking: false)
        let careless = fcntl(1, F_DUPFD, 30)
        defer { close(careless) }
        var process = try SpawnedProcess(
            Self.shell("for n in 0 1 2 3 4 5 6 7 8 \(careless); do [ -e /proc/$$/fd/$n ] && printf $n >&7; done; exit 0"),
            mappings: [SpawnedProcess.Mapping(pipe.writing.number, to: 7)]
        )
        #expect(try process.waitUntilEnded() == .exited(0))
        #expect(pipe.reading.readAvailable(limit: 64) == Array("0127".utf8))
    }

    @Test("has exactly the environment it was given")
    func environment() throws {
        let pipe = try DescriptorPair.pipe(nonblocking: false)
        var command = SpawnedProcess.Command(path: "/usr/bin/env", arguments: ["env"], environment: ProcessEnvironment())
        command.environment["A"] = "1"
        command.environment["B"] = "two words"
        var process = try SpawnedProcess(command, mappings: [SpawnedProcess.Mapping(pipe.writing.number, to: 1)])
        #expect(try process.waitUntilEnded() == .exited(0))
        #expect(pipe.reading.readAvailable(limit: 64) == Array("A=1\nB=two words\n".utf8))
    }

    @Test("starts with the blocked signals it was given and no ignored ones")
    func signals() throws {
        let pipe = try DescriptorPair.pipe(nonblocking: false)
        let command = SpawnedProcess.Command(
            path: "/bin/grep",
            arguments: ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"],
            environment: ProcessEnvironment(),
            blockedSignals: [.hangUp, .interrupt, .quit, .user1, .user2, .brokenPipe, .terminalInput, .terminalOutput]
        )
        var process = try SpawnedProcess(command, mappings: [SpawnedProcess.Mapping(pipe.writing.number, to: 1)])
        #expect(try process.waitUntilEnded() == .exited(0))
        let report = pipe.reading.readAvailable(limit: 256).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let masks = report.split(separator: "\n").compactMap { UInt64($0.suffix(16), radix: 16) }
        // Above 31 are the real-time signals, of which the C library keeps some for itself.
        #expect(masks.map { $0 & 0x7FFF_FFFF } == [0x301A07, 0])
    }

    @Test(
        "reports a program that cannot be executed",
        arguments: [("/nonexistent/program", ENOENT), ("/etc/passwd", EACCES), ("/tmp", EACCES)]
    )
    func missingProgram(path: String, code: CInt) {
        let command = SpawnedProcess.Command(path: path, arguments: [path], environment: ProcessEnvironment())
        let error = #expect(throws: SystemCallError.self) { _ = try SpawnedProcess(command, mappings: []) }
        #expect(error == SystemCallError("posix_spawn", code: code))
    }

    @Test("is killed and collected when its owner gives it up")
    func givenUp() throws {
        let number: CInt
        do {
            let process = try SpawnedProcess(Self.shell("while :; do sleep 1; done"), mappings: [])
            number = process.identifier
            #expect(kill(number, 0) == 0)
        }
        #expect(kill(number, 0) != 0)
    }

    @Test("knows the path of this program")
    func programPath() throws {
        let path = try SpawnedProcess.currentProgramPath()
        #expect(path.hasPrefix("/"))
        #expect(unsafe access(path, X_OK) == 0)
    }
}
