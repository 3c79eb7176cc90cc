internal import ParanoidLinux
internal import Synchronization
internal import WorkerSupervisor

/// The server's executor, which exists only after the server, for a handler that has to be there before; without a lock.
final class ExecutorReference: Sendable {
    private final class Holder: Sendable {
        let executor: any TaskExecutor

        init(_ executor: any TaskExecutor) {
            self.executor = executor
        }
    }

    private let holder = AtomicLazyReference<Holder>()

    var value: any TaskExecutor {
        guard let holder = self.holder.load() else { preconditionFailure("requests are served after the server is made") }
        return holder.executor
    }

    func set(_ executor: any TaskExecutor) {
        _ = self.holder.storeIfNil(Holder(executor))
    }
}

/// A source of signals that a closure can hold.
final class SharedSignals: Sendable {
    private let source: SignalSource

    init(_ source: consuming SignalSource) {
        self.source = source
    }

    /// Takes the signals that have come.
    func read() {
        _ = self.source.read()
    }
}

/// Tells a service manager at its pace that this process is alive.
final class WatchdogTurn: Sendable {
    private let manager: SystemdNotifier
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(_ manager: SystemdNotifier) {
        self.manager = manager
    }

    func keepAlive() {
        guard let interval = self.manager.watchdogInterval else { return }
        let isDue = self.last.withLock { last in
            let now = ContinuousClock.now
            // A heartbeat that comes a little early must not have to wait for the next.
            if let moment = last, now - moment < interval / 2 { return false }
            last = now
            return true
        }
        if isDue { self.manager.keepAlive() }
    }
}
