import ParanoidLinux

/// Workers that live and should not go on as they are.
extension SupervisorStateMachine {
    /// A worker was looked at.
    mutating func observed(_ worker: WorkerIdentifier, _ vitals: WorkerHealth, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, let known = self.find(worker), known.phase == .ready else { return }
        // What is added up is the time during which this process ran, too: after a suspension nobody is to blame.
        let longestStep = self.configuration.observationInterval * 2
        let step = known.observedAt.map { min(self.now - $0, longestStep) } ?? .zero
        let silence = vitals.heartbeat == known.heartbeat ? known.silence + step : .zero
        let now = self.now
        self.update(worker) {
            $0.heartbeat = vitals.heartbeat
            $0.observedAt = now
            $0.silence = silence
        }
        if let timeout = self.configuration.heartbeatTimeout, silence >= timeout {
            self.abort(known, silence: silence, &actions)
        } else if let limit = self.configuration.memoryLimit, let bytes = vitals.residentBytes, bytes > limit {
            guard self.noRecyclingBefore <= self.now else { return }
            self.wantsReplacement(worker, noting: .memoryExceeded(worker, bytes: bytes), &actions)
        }
    }

    /// Has the worker replaced as a reload would: its successor is ready before it is drained.
    mutating func wantsReplacement(_ worker: WorkerIdentifier, noting note: SupervisorLogEvent, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, let known = self.find(worker), known.isServing, !known.wantsReplacement else { return }
        self.update(worker) { $0.wantsReplacement = true }
        actions.append(.note(note))
    }

    /// Gives up a worker that serves nobody any more; its slot is refilled without waiting for its end.
    private mutating func abort(_ worker: SupervisedSlot.Worker, silence: Duration, _ actions: inout [SupervisorAction]) {
        self.countDeath(of: worker)
        actions.append(.note(.heartbeatMissed(worker.identifier, silence: silence)))
        let now = self.now
        self.update(worker.identifier) {
            $0.phase = .aborted
            $0.abortedAt = now
        }
        self.sendAbort(to: worker.identifier, again: false, &actions)
        self.giveUpIfAllowed(slot: worker.identifier.slot, &actions)
    }

    /// Asks a stuck worker for its crash report, or to end after that.
    ///
    /// The runtime's handler for SIGABRT writes the report, gives the signal its default action back and returns: after a signal from outside the
    /// program simply goes on. It is the second one that ends it, and one that came too early would cut the report short.
    mutating func sendAbort(to worker: WorkerIdentifier, again isSecond: Bool, _ actions: inout [SupervisorAction]) {
        let timeout = self.configuration.abortPatience
        self.update(worker) {
            $0.hasSecondAbort = isSecond
            $0.deadline = $0.abortedAt + (isSecond ? timeout : timeout * 2 / 5)
        }
        actions.append(.signal(worker, .abort))
    }
}
