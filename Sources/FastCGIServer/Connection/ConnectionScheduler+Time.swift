internal import LinuxSupport
internal import Synchronization

/// What time brings about, and the end.
extension ConnectionScheduler {
    /// Accepts nothing new; what was waiting at a listener of our own is still served.
    func drain() {
        guard !self.draining.exchange(true, ordering: .acquiringAndReleasing) else { return }
        try? self.poll.remove(self.listener.descriptor.number)
        if self.listener.isOwn {
            // Without its name nobody new comes, so the queue has an end.
            self.listener.removeFile()
            while let socket = try? self.listener.accept() {
                self.take(socket)
            }
            self.listener.stop()
        }
        self.drainStart.store(CoarseClock.now(), ordering: .releasing)
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
        let drained = drainStart == .max ? -1 : now - drainStart
        let isIdleTimeOver = drained >= self.configuration.idleDrainTime.nanoseconds
        let isServingTimeOver = drained >= self.configuration.drainTimeout.nanoseconds
        self.table.forEach { connection in
            let generation = connection.state.generation
            if connection.transferDeadline.load(ordering: .relaxed) < now { connection.shutDown(generation: generation) }
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
                // In this order, so that no answer of a handler that was stopped midway looks whole.
                connection.shutDown(generation: generation)
                connection.cancelTask(generation: generation)
            }
        }
    }
}
