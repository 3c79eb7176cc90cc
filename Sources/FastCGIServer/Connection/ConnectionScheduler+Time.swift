internal import ParanoidLinux
internal import Synchronization

/// Deadlines, and the end.
extension ConnectionScheduler {
    /// Accepts nothing new; what was waiting at a listener of our own is still served.
    ///
    /// - Parameters:
    ///   - isAlone: Whether nobody else will ever read the inbox.
    ///   - closingListener: Whether a listener that is shared is closed as well.
    func drain(isAlone: Bool = false, closingListener: Bool = false) {
        if isAlone { self.isAlone.store(true, ordering: .releasing) }
        guard !self.draining.exchange(true, ordering: .sequentiallyConsistent) else { return }
        self.delegate?.drains()
        try? self.poll.remove(self.listener.descriptor.number)
        if self.listener.isOwn || closingListener {
            // Without its name nobody new comes, so the queue has an end.
            self.listener.removeFile()
            while let socket = try? self.listener.accept() {
                if self.admits(socket) { self.take(socket) }
            }
            self.listener.stop()
        }
        self.emptyInbox()
        self.drainStart.store(CoarseClock.now(), ordering: .sequentiallyConsistent)
        self.timeKeeper.signal()
    }

    /// Ends all threads' loops.
    func stop() {
        self.stopped.store(true, ordering: .releasing)
        self.stopping.signal()
    }

    /// Looks at the time: closes what has waited too long and wakes threads whose peers are too slow.
    func keepTime() {
        let now = CoarseClock.now()
        let drainStart = self.drainStart.load(ordering: .acquiring)
        if drainStart != .max, self.isAlone.load(ordering: .acquiring) { self.emptyInbox() }
        let drained = drainStart == .max ? -1 : now - drainStart
        let isIdleTimeOver = drained >= self.configuration.idleDrainTime.nanoseconds
        let isServingTimeOver = drained >= self.configuration.drainTimeout.nanoseconds
        var isTransferring = false
        self.table.forEach { connection in
            let generation = connection.state.generation
            let transferDeadline = connection.transferDeadline.load(ordering: .relaxed)
            if transferDeadline != .max { isTransferring = true }
            if transferDeadline < now { connection.shutDown(generation: generation) }
            switch connection.expire(now: now, isIdleTimeOver: isIdleTimeOver, isServingTimeOver: isServingTimeOver) {
            case nil: break
            case .close: self.close(connection, lingering: false)
            case .closeIfSilent:
                if connection.hasArrivals {
                    self.letGoAndReport(connection)
                } else {
                    self.giveUp(connection)
                }
            case .abort:
                // In this order, so that no response of a handler that was stopped midway looks whole.
                connection.shutDown(generation: generation)
                connection.cancelTask(generation: generation)
            }
        }
        if let timers = self.timers, timers.keepTime(now: now, logger: self.logger, onOverdue: { self.delegate?.count(.overdueRequests) }) {
            self.delegate?.requestReplacement()
        }
        if self.configuration.samplingInterval != nil { self.sample() }
        // Threads that slow peers hold are not stuck: these deadlines free them.
        if isTransferring { self.delegate?.heartbeat() }
    }
}
