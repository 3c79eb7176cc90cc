internal import CLinux
internal import Glibc

/// A signal by its meaning, so that the numbers stay in this module (`signal(7)`).
package enum ProcessSignal: Sendable, Hashable, CaseIterable {
    case abort
    case brokenPipe
    case childEnded
    case hangUp
    case interrupt
    case kill
    case quit
    case terminalInput
    case terminalOutput
    case terminate
    case user1
    case user2

    /// The system's number.
    package var number: CInt {
        switch self {
        case .abort: SIGABRT
        case .brokenPipe: SIGPIPE
        case .childEnded: SIGCHLD
        case .hangUp: SIGHUP
        case .interrupt: SIGINT
        case .kill: SIGKILL
        case .quit: SIGQUIT
        case .terminalInput: SIGTTIN
        case .terminalOutput: SIGTTOU
        case .terminate: SIGTERM
        case .user1: SIGUSR1
        case .user2: SIGUSR2
        }
    }

    /// The signal with a number; `nil` for one that has no meaning here.
    package init?(number: CInt) {
        guard let signal = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = signal
    }
}

extension ProcessSignal {
    /// Sends the signal to a process that is no child of this one (`kill(2)`).
    package func send(to process: Int) throws(SystemCallError) {
        guard Glibc.kill(pid_t(process), self.number) == 0 else { throw SystemCallError("kill") }
    }
}

extension ProcessSignal: CustomStringConvertible {
    /// The usual name, for a log line.
    package var description: String {
        switch self {
        case .abort: "SIGABRT"
        case .brokenPipe: "SIGPIPE"
        case .childEnded: "SIGCHLD"
        case .hangUp: "SIGHUP"
        case .interrupt: "SIGINT"
        case .kill: "SIGKILL"
        case .quit: "SIGQUIT"
        case .terminalInput: "SIGTTIN"
        case .terminalOutput: "SIGTTOU"
        case .terminate: "SIGTERM"
        case .user1: "SIGUSR1"
        case .user2: "SIGUSR2"
        }
    }
}

/// The signals sent to this process, as bytes to be read.
///
/// Not a `signalfd(2)`: that needs the signals blocked in every thread, but when an `async` main function suspends, the runtime parks the main
/// thread in `sigsuspend(2)` with an empty mask, and the first SIGTERM then ends the process. A handler in C that writes the number into a
/// pipe works whichever thread is interrupted. Threads that must not be interrupted block all signals themselves; one thread has to be left.
package struct SignalSource: ~Copyable, Sendable {
    private let signals: [ProcessSignal]
    private let pipe: DescriptorPair

    /// Takes the signals over from their default actions, and lets them through to the calling thread.
    ///
    /// - Throws: `EBUSY` if another source in this process has one of the signals, or the errors of `pipe2(2)` and `sigaction(2)`.
    package init(_ signals: [ProcessSignal]) throws(SystemCallError) {
        let pipe = try DescriptorPair.pipe(nonblocking: true)
        var routed: [ProcessSignal] = []
        for signal in signals {
            guard clinux_signal_route(signal.number, pipe.writing.number) == 0 else {
                let error = SystemCallError("sigaction")
                for signal in routed { clinux_signal_unroute(signal.number) }
                throw error
            }
            routed.append(signal)
        }
        self.pipe = pipe
        self.signals = routed
        self.allowInThisThread()
    }

    deinit {
        for signal in self.signals { clinux_signal_unroute(signal.number) }
    }

    /// The number of the readable end, for a poll; valid while the source lives.
    package var descriptorNumber: CInt { self.pipe.reading.number }

    /// Opens a second descriptor that becomes readable with every signal, for an event loop that wants to own what it watches.
    package borrowing func duplicateDescriptor() throws(SystemCallError) -> OwnedDescriptor {
        try self.pipe.reading.duplicate()
    }

    /// Lets the signals through to the calling thread (`pthread_sigmask(3)`).
    package borrowing func allowInThisThread() {
        for signal in self.signals { clinux_signal_mask(signal.number, 0) }
    }

    /// Takes the signals that have arrived, in order.
    ///
    /// Does not block.
    package borrowing func read() -> [ProcessSignal] {
        var numbers: [UInt8] = []
        while let bytes = self.pipe.reading.readAvailable(limit: 64), !bytes.isEmpty { numbers += bytes }
        return numbers.compactMap { ProcessSignal(number: CInt($0)) }
    }

    /// Ignores a signal in the whole process from now on, or gives it back its default action.
    package static func ignore(_ signal: ProcessSignal, _ isIgnored: Bool = true) {
        clinux_signal_ignore(signal.number, isIgnored ? 1 : 0)
    }
}
