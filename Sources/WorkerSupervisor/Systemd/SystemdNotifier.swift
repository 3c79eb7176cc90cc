package import Logging
package import ParanoidLinux

/// The way to the service manager that has started this process (`sd_notify(3)`); without one, all calls do nothing.
package struct SystemdNotifier: Sendable {
    /// The variables that are for the process the manager has started, and not for its workers.
    package static let variables = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] + SocketActivation.variables

    private let socket: NotifySocket?
    private let logger: Logger
    /// How often it wants to hear that this process is alive: generation of the time after which it acts; `nil`: not at all.
    package let watchdogInterval: Duration?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// - Parameter process: The number of this process: a watchdog may be meant for another.
    package init(_ environment: ProcessEnvironment, process: Int, logger: Logger) {
        self.socket = environment["NOTIFY_SOCKET"].flatMap { NotifySocket($0) }
        self.logger = logger
        let isOurs = environment["WATCHDOG_PID"] == nil || environment.number(of: "WATCHDOG_PID") == process
        if self.socket != nil, isOurs, let time = environment.number(of: "WATCHDOG_USEC"), time > 0 {
            self.watchdogInterval = .microseconds(time) / 2
        } else {
            self.watchdogInterval = nil
        }
    }

    /// Says something; what cannot be sent is in the log.
    package func tell(_ lines: [String]) {
        guard let socket = self.socket, !lines.isEmpty else { return }
        do throws(SystemCallError) {
            try socket.send(lines)
        } catch {
            self.logger.warning("the service manager cannot be told", metadata: ["error": "\(error)"])
        }
    }

    /// Says that this process is alive.
    package func keepAlive() { self.tell(["WATCHDOG=1"]) }
}

/// What a service manager is told, and when: pure, it is given how things are and answers what is new (`sd_notify(3)`).
package struct SystemdStatus: Sendable {
    /// What the service does as a whole.
    package enum Phase: Sendable, Hashable {
        case running, reloading, stopping
    }

    /// How things are.
    package struct State: Sendable, Hashable {
        package var phase: Phase
        /// Workers that serve.
        package var serving: Int
        /// Workers that should.
        package var wanted: Int
        /// What is to be known about the last reload.
        package var lastReload: LastReload

        package init(phase: Phase, serving: Int, wanted: Int, lastReload: LastReload = .quiet) {
            self.phase = phase
            self.serving = serving
            self.wanted = wanted
            self.lastReload = lastReload
        }
    }

    private var phase: Phase?
    private var status = ""

    package init() {}

    /// Takes note of how things are.
    ///
    /// The service is ready as soon as one worker serves, as requests are answered from then on.
    ///
    /// - Parameter microseconds: `CLOCK_MONOTONIC` now; the manager compares it with the moment at which it asked for a reload.
    /// - Returns: The assignments to send together; none if nothing is new.
    package mutating func update(_ state: State, microseconds: Int64) -> [String] {
        var lines: [String] = []
        switch (self.phase, state.phase) {
        case (.stopping, _): break
        case (_, .stopping):
            lines.append("STOPPING=1")
            self.phase = .stopping
        case (nil, _):
            guard state.serving > 0 else { break }
            lines.append("READY=1")
            self.phase = .running
        case (.running, .reloading):
            lines += ["RELOADING=1", "MONOTONIC_USEC=\(microseconds)"]
            self.phase = .reloading
        case (.reloading, .running):
            lines.append("READY=1")
            self.phase = .running
        case (.running, .running), (.reloading, .reloading): break
        }
        let status = Self.text(state)
        if status != self.status {
            self.status = status
            lines.append("STATUS=\(status)")
        }
        return lines
    }

    private static func text(_ state: State) -> String {
        let workers = "\(state.serving) of \(state.wanted) workers serve"
        return switch state.phase {
        case .running: state.lastReload.text.map { "\(workers); \($0)" } ?? workers
        case .reloading: "reloading: \(workers)"
        case .stopping: "stopping: \(state.serving) workers finish"
        }
    }
}
