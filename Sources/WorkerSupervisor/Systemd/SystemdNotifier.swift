package import ParanoidLinux
package import Logging

/// The way to the service manager that has started this process; without one, everything said is heard by nobody (`sd_notify(3)`).
package struct SystemdNotifier: Sendable {
    /// The variables that are for the process the manager has started, and not for its workers.
    package static let variables = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] + SocketActivation.variables

    private let socket: NotifySocket?
    private let logger: Logger
    /// How often it wants to hear that this process is alive: half of the time after which it acts; `nil`: not at all.
    package let watchdogInterval: Duration?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// - Parameter process: The number of this process: a watchdog may be meant for another.
    package init(_ environment: ProcessEnvironment, process: Int, logger: Logger) {
        self.socket = environment["NOTIFY_SOCKET"].flatMap { NotifySocket($0) }
        self.logger = logger
        let owner = environment["WATCHDOG_PID"]
        let text = environment["WATCHDOG_USEC"] ?? ""
        let isNumber = text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        if self.socket != nil, owner == nil || owner == String(process), isNumber, let time = Int64(text), time > 0 {
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
