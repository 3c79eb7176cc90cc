package import ParanoidLinux
package import Logging
import Synchronization

/// Keeps a number of worker processes serving one listener.
///
/// The program re-executes itself (``SupervisorConfiguration/programPath``) for every worker; nothing forks. A worker finds the listener on
/// descriptor 0, and the rest through ``WorkerBootstrap``. What is done when is ``SupervisorStateMachine``; this and `SupervisorLoop` do it.
package final class Supervisor: Sendable {
    private let configuration: SupervisorConfiguration
    private let logger: Logger
    private let listener: Mutex<OwnedDescriptor?>
    private let renewedListener: (@Sendable () -> OwnedDescriptor?)?
    /// A pipe is queue and wake-up in one.
    private let commands: DescriptorPair
    /// What all workers say about themselves.
    package let scoreboard: Scoreboard
    /// How the workers are.
    package let status = SupervisorStatus()

    /// Creates a supervisor; nothing is started yet.
    ///
    /// - Parameters:
    ///   - listener: A listening socket. It is closed as soon as the supervisor stops, so that no client waits in a queue that is not served.
    ///   - renewedListener: Asked once a second, on the supervisor's thread, for a listener in the place of the one there is, which nobody can reach
    ///     any more; the workers are reloaded to serve it. `nil` while all is well.
    /// - Throws: ``SystemCallError`` from `pipe2(2)`.
    package init(
        configuration: SupervisorConfiguration,
        listener: consuming OwnedDescriptor,
        logger: Logger,
        renewedListener: (@Sendable () -> OwnedDescriptor?)? = nil
    ) throws(SystemCallError) {
        self.renewedListener = renewedListener
        self.configuration = configuration
        self.logger = logger
        self.listener = Mutex(listener)
        self.commands = try DescriptorPair.pipe(nonblocking: true)
        self.scoreboard = try Scoreboard(slots: configuration.maximumWorkers)
    }

    /// Starts the workers and supervises them until it is told to stop.
    ///
    /// Call it once.
    ///
    /// The work is done on a thread of its own, which handles the process's signals if ``SupervisorConfiguration/ownsProcess`` is set;
    /// the calling task suspends. Cancelling the task is like ``SupervisorCommand/stop``.
    ///
    /// - Returns: The exit code for the process (``SupervisorExitCode``); no worker is alive any more.
    package func run() async -> CInt {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                do throws(SystemCallError) {
                    _ = try Thread(name: "supervisor") { continuation.resume(returning: self.supervise()) }
                } catch {
                    self.logger.critical("the supervisor cannot start", metadata: ["error": "\(error)"])
                    continuation.resume(returning: SupervisorExitCode.cannotSpawn)
                }
            }
        } onCancel: {
            self.send(.stop)
        }
    }

    /// Tells the supervisor to do something; from any thread, before or while it runs.
    ///
    /// Does not wait until it is done.
    package func send(_ command: SupervisorCommand) {
        // It fails only when 65 536 commands are waiting: one more makes no difference.
        try? self.commands.writing.write(byte: command.rawValue)
    }

    private func supervise() -> CInt {
        guard let listener = self.listener.withLock({ $0.take() }) else { preconditionFailure("a supervisor runs once") }
        do throws(SystemCallError) {
            let loop = try SupervisorLoop(
                configuration: self.configuration,
                listener: listener,
                commands: self.commands.reading.duplicate(),
                logger: self.logger,
                renewedListener: self.renewedListener,
                scoreboard: self.scoreboard,
                report: self.status
            )
            return try loop.run()
        } catch {
            self.logger.critical("the supervisor cannot go on", metadata: ["error": "\(error)"])
            return SupervisorExitCode.cannotSpawn
        }
    }
}
