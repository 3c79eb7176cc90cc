internal import CLinux
internal import Glibc

/// A child process with exactly one owner.
///
/// Made by `posix_spawn(3)`; nothing forks. A signal cannot reach a stranger with a reused number: it goes to a pidfd or to a child that was not
/// waited for.
/// A value given up before its process was seen to end kills the process and waits for it: none is left behind.
package struct SpawnedProcess: ~Copyable, Sendable {
    /// A descriptor of the parent and the number it is to have in the child.
    package struct Mapping: Sendable, Hashable {
        package var source: CInt
        package var target: CInt

        package init(_ source: CInt, to target: CInt) {
            self.source = source
            self.target = target
        }
    }

    /// What to execute.
    package struct Command: Sendable {
        /// The program's path; it is not searched for.
        package var path: String
        /// All arguments, the zeroth included.
        package var arguments: [String]
        /// The whole environment of the child.
        package var environment: ProcessEnvironment
        /// Signals that start out blocked; all others are let through.
        ///
        /// All dispositions are the default ones.
        package var blockedSignals: [ProcessSignal]

        package init(path: String, arguments: [String], environment: ProcessEnvironment, blockedSignals: [ProcessSignal] = []) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.blockedSignals = blockedSignals
        }
    }

    /// The process number.
    package let identifier: CInt
    /// Readable as soon as the process has ended: a pidfd, or where none is to be had the end of a pipe.
    package let descriptor: OwnedDescriptor
    private let isPidfd: Bool
    private var status: WaitStatus?

    /// Starts a process.
    ///
    /// Blocks until it has executed the program.
    ///
    /// Apart from the mapped descriptors the child has standard output and standard error, and standard input unless 0 is mapped.
    ///
    /// - Parameters:
    ///   - command: What to execute.
    ///   - mappings: Open descriptors, which the caller keeps open during the call; targets are distinct and at most 65 535.
    /// - Throws: ``SystemCallError`` from `posix_spawn(3)` (ENOENT and EACCES are about the program), `fcntl(2)`, `pidfd_open(2)`, `pipe2(2)` or `pthread_create(3)`.
    package init(_ command: Command, mappings: [Mapping]) throws(SystemCallError) {
        let highest = mappings.map(\.target).max() ?? 2
        precondition(Set(mappings.map(\.target)).count == mappings.count && (2...65_535).contains(max(highest, 2)))
        // A source may have the number of another mapping's target: work with copies above all of them.
        var copies = DescriptorCopies(above: highest)
        for mapping in mappings { try copies.add(mapping.source) }

        var identifier: pid_t = 0
        let failure = unsafe CStringArray.withPointers(to: command.arguments.map { Array($0.utf8) }) { arguments in
            unsafe CStringArray.withPointers(to: command.environment.entries) { environment in
                let blocked = command.blockedSignals.map(\.number)
                return unsafe clinux_spawn(
                    &identifier,
                    command.path,
                    arguments,
                    environment,
                    copies.numbers,
                    mappings.map(\.target),
                    mappings.count,
                    blocked,
                    blocked.count
                )
            }
        }
        guard failure == 0 else { throw SystemCallError("posix_spawn", code: failure) }

        // Not reaped yet, so the number still means this child.
        let descriptor = clinux_pidfd_open(identifier)
        do throws(SystemCallError) {
            if descriptor >= 0 {
                self.descriptor = OwnedDescriptor(owning: descriptor)
                self.isPidfd = true
            } else {
                self.descriptor = try Self.endOfProcess(identifier, failure: SystemCallError("pidfd_open"))
                self.isPidfd = false
            }
        } catch {
            var code: CInt = 0
            _ = Glibc.kill(identifier, SIGKILL)
            _ = unsafe clinux_wait(identifier, 1, &code)
            throw error
        }
        self.identifier = identifier
        self.status = nil
    }

    /// What is readable when a child has ended where the system gives no pidfd.
    ///
    /// A filter of system calls (seccomp) older than `pidfd_open(2)` answers EPERM, a kernel ENOSYS. A thread waits for the child, without
    /// reaping it: its number stays its own.
    private static func endOfProcess(_ identifier: CInt, failure: SystemCallError) throws(SystemCallError) -> OwnedDescriptor {
        guard failure.code == ENOSYS || failure.code == EPERM else { throw failure }
        let pipe = try DescriptorPair.pipe(nonblocking: true)
        let number = try pipe.writing.duplicate().take()
        do throws(SystemCallError) {
            _ = try Thread(name: "child", stackSize: 1 << 18) {
                clinux_await_end(identifier)
                var byte: UInt8 = 0
                _ = unsafe write(number, &byte, 1)
                _ = close(number)
            }
        } catch {
            _ = close(number)
            throw error
        }
        return pipe.takeReading()
    }

    deinit {
        guard self.status == nil else { return }
        var code: CInt = 0
        _ = self.deliver(SIGKILL)
        _ = unsafe clinux_wait(self.identifier, 1, &code)
    }

    /// Sends a signal.
    ///
    /// One that comes too late, to a process that has ended, is not an error.
    package borrowing func send(_ signal: ProcessSignal) throws(SystemCallError) {
        // Once it was waited for, its number may be another's.
        guard self.status == nil, self.deliver(signal.number) != 0 else { return }
        let error = SystemCallError(self.isPidfd ? "pidfd_send_signal" : "kill")
        guard error.code == ESRCH else { throw error }
    }

    private borrowing func deliver(_ signal: CInt) -> CInt {
        self.isPidfd ? clinux_pidfd_send_signal(self.descriptor.number, signal) : Glibc.kill(self.identifier, signal)
    }

    /// How the process ended, or `nil` while it runs.
    ///
    /// Does not block.
    package mutating func statusIfEnded() throws(SystemCallError) -> WaitStatus? {
        try self.collect(blocking: false)
    }

    /// Blocks until the process has ended.
    package mutating func waitUntilEnded() throws(SystemCallError) -> WaitStatus {
        while true {
            if let status = try self.collect(blocking: true) { return status }
        }
    }

    private mutating func collect(blocking: Bool) throws(SystemCallError) -> WaitStatus? {
        if let status = self.status { return status }
        var code: CInt = 0
        switch unsafe clinux_wait(self.identifier, blocking ? 1 : 0, &code) {
        case 0: return nil
        case 1: self.status = .exited(code)
        case 2: self.status = .signalled(code)
        default: throw SystemCallError("waitpid")
        }
        return self.status
    }

    /// The path of the running program (`proc(5)`, `/proc/self/exe`): ask at start, a replaced file is reported as "(deleted)" later.
    package static func currentProgramPath() throws(SystemCallError) -> String {
        let capacity = Int(PATH_MAX)
        var length = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            length = unsafe buffer.withMemoryRebound(to: CChar.self) { unsafe readlink("/proc/self/exe", $0.baseAddress!, capacity) }
            initialized = max(length, 0)
        }
        guard length > 0 else { throw SystemCallError("readlink") }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Duplicates that live for the time of one spawn.
private struct DescriptorCopies: ~Copyable {
    private let floor: CInt
    private(set) var numbers: [CInt] = []

    init(above highest: CInt) {
        self.floor = max(highest + 1, 3)
    }

    deinit {
        for number in self.numbers { _ = close(number) }
    }

    mutating func add(_ source: CInt) throws(SystemCallError) {
        let copy = fcntl(source, F_DUPFD_CLOEXEC, self.floor)
        guard copy >= 0 else { throw SystemCallError("fcntl") }
        self.numbers.append(copy)
    }
}

/// How a process ended.
package enum WaitStatus: Sendable, Hashable {
    /// It ended by itself with this exit status.
    case exited(CInt)
    /// This signal number ended it.
    case signalled(CInt)
}

extension WaitStatus: CustomStringConvertible {
    /// The status in words, for a log line.
    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let number): ProcessSignal(number: number)?.description ?? Self.faults[number] ?? "signal \(number)"
        }
    }

    /// The signals of faults, which nobody here sends.
    private static let faults: [CInt: String] = [
        SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGSEGV: "SIGSEGV", SIGSYS: "SIGSYS", SIGALRM: "SIGALRM",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
}

/// The form in which C takes arguments and environments: a NULL-terminated list of NUL-terminated strings.
@unsafe
private enum CStringArray {
    /// Lends `strings` in that form.
    ///
    /// None of them may contain a NUL byte: it would cut the string short.
    static func withPointers<Outcome>(
        to strings: [[UInt8]],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Outcome
    ) -> Outcome {
        precondition(strings.allSatisfy { !$0.contains(0) }, "a NUL byte inside a C string")
        var storage: [CChar] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(storage.count)
            storage += string.map { CChar(bitPattern: $0) } + [0]
        }
        return unsafe storage.withUnsafeMutableBufferPointer { storage in
            var pointers: [UnsafeMutablePointer<CChar>?] = unsafe starts.map { unsafe storage.baseAddress! + $0 }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
        }
    }
}

/// Processes whose parents have ended: they become children of PID 1, or of the nearest process that has asked for them (`prctl(2)`,
/// PR_SET_CHILD_SUBREAPER), and stay in the table of processes until that one waits for them.
package enum OrphanedProcesses {
    /// Whether orphans come to this process, as it is PID 1 of a container or has asked for them.
    package static var comeHere: Bool { clinux_is_reaper() != 0 }

    /// Has the orphans among the descendants of this process come to it.
    ///
    /// - Throws: ``SystemCallError`` from `prctl(2)`.
    package static func askFor() throws(SystemCallError) {
        guard clinux_become_subreaper() == 0 else { throw SystemCallError("prctl") }
    }

    /// Waits for all children that have ended, except those that others in this process wait for; never blocks.
    ///
    /// One of those that has ended already may hide orphans: call this again after it was waited for.
    ///
    /// - Parameter own: The numbers of processes that a ``SpawnedProcess`` waits for.
    /// - Returns: How many there were.
    @discardableResult
    package static func reap(except own: Set<CInt>) -> Int {
        var count = 0
        while true {
            let process = clinux_ended_child()
            guard process > 0, !own.contains(process) else { return count }
            var code: CInt = 0
            guard unsafe clinux_wait(process, 0, &code) > 0 else { return count }
            count += 1
        }
    }
}
