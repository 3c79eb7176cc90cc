import ParanoidLinux

/// The rules of supervision: events in, actions out, no process touched and no clock read.
///
/// Every event first changes what is known; then ``settle(_:)`` compares what should be with what is and asks for the difference. So a slot
/// cannot be forgotten: whatever happened, the next event or deadline fills it.
///
/// Times are distances from an arbitrary start and must not run backwards.
package struct SupervisorStateMachine: Sendable {
    private enum Mode: Sendable, Hashable {
        case running
        case stopping(exitCode: CInt)
        case finished
    }

    private let configuration: SupervisorConfiguration
    private var mode = Mode.running
    /// How many slots are wanted; those at this index and above are being given up.
    private var target: Int
    private var slots: [SupervisedSlot] = []
    private var nextSerial = 0
    /// Workers with a smaller serial number are to be replaced; zero when no reload is going on.
    private var reloadBelow = 0
    private var isReadingSettings = false
    private var reloadNote = ReloadNote()
    private var failedReplacements = 0
    /// Until when no worker is replaced for the memory it uses, as successors have failed.
    private var noRecyclingBefore: Duration = .zero
    private var wasEverReady = false
    private var now: Duration = .zero
    private var scaling: WorkerScaling?

    /// Creates a machine that has not started anything yet.
    package init(_ configuration: SupervisorConfiguration) {
        precondition(configuration.workers >= 1 && configuration.maximumWorkers >= configuration.workers, "no sensible number of workers")
        self.configuration = configuration
        self.target = configuration.workers
        self.scaling = configuration.scaling.map { WorkerScaling($0) }
    }

    /// Starts all workers; called once, first.
    package mutating func start(at now: Duration) -> [SupervisorAction] {
        var actions: [SupervisorAction] = []
        self.now = now
        self.settle(&actions)
        return actions
    }

    /// Takes note of an event.
    ///
    /// Events about workers that are gone, and all events after the end, are ignored.
    ///
    /// - Returns: What to do, in order.
    package mutating func handle(_ event: SupervisorEvent, at now: Duration) -> [SupervisorAction] {
        var actions: [SupervisorAction] = []
        self.now = now
        guard self.mode != .finished else { return actions }
        switch event {
        case .ready(let worker): self.becameReady(worker, &actions)
        case .replacementRequested(let worker): self.wantsReplacement(worker, logging: .replacementRequested(worker), &actions)
        case .observed(let worker, let health): self.observed(worker, health, &actions)
        case .loadSampled(let sample): self.loadSampled(sample, &actions)
        case .exited(let worker, let status): self.exited(worker, status, &actions)
        case .spawnFailed(let worker): self.spawnFailed(worker, &actions)
        case .stop: self.stop(exitCode: SupervisorExitCode.success, logging: .stopping, &actions)
        case .stopNow: self.stopNow(&actions)
        case .reload: self.requestReload(&actions)
        case .settingsRead(let review): self.beginReload(review, &actions)
        case .settingsRefused: self.refuseReload(&actions)
        case .reopenLogs:
            // Its own first: a new file is made by the process that may have the right to.
            actions.append(.reopenLog)
            self.signalAll(.user1, &actions)
        case .addWorker: self.want(self.target + 1, &actions)
        case .removeWorker: self.want(self.target - 1, &actions)
        case .timePassed: break
        }
        self.enforceDeadlines(&actions)
        self.settle(&actions)
        return actions
    }

    /// When ``SupervisorEvent/timePassed`` is due next; `nil` if only other events can change anything.
    package var nextDeadline: Duration? {
        var deadlines = self.slots.flatMap { $0.workers.compactMap(\.deadline) }
        if self.mode == .running {
            deadlines += self.slots.filter { $0.notBefore > self.now }.map(\.notBefore)
        }
        return deadlines.min()
    }

    /// How things are, for the service manager.
    package var state: SystemdStatus.State {
        let isRunning = self.mode == .running
        let isReloading = self.isReadingSettings || self.reloadBelow > 0
        return SystemdStatus.State(
            phase: !isRunning ? .stopping : isReloading ? .reloading : .running,
            serving: self.slots.workers.count { isRunning ? $0.phase == .ready : $0.phase == .draining },
            wanted: self.target,
            lastReload: self.reloadNote.last
        )
    }

    // MARK: Workers

    private mutating func becameReady(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        guard self.slots.worker(worker)?.phase == .starting else { return }
        self.wasEverReady = true
        self.failedReplacements = 0
        self.slots.update(worker) {
            $0.phase = .ready
            $0.deadline = nil
        }
        actions.append(.log(.workerReady(worker)))
        // The successor serves, so its predecessor may go: this is the only way in which a wanted worker is asked to.
        for other in self.slots[worker.slot].workers where other.isServing && other.identifier != worker {
            self.drain(other.identifier, &actions)
        }
    }

    private mutating func exited(_ worker: WorkerIdentifier, _ status: WaitStatus, _ actions: inout [SupervisorAction]) {
        let refusal = SupervisorExitCode.unusableConfiguration
        guard let known = self.slots.worker(worker) else { return }
        self.slots.remove(worker)
        switch known.phase {
        case .draining, .aborted, .killed:
            actions.append(.log(.workerDrained(worker, status)))
        case .starting where !self.wasEverReady && status == .exited(refusal):
            self.stop(exitCode: refusal, logging: .configurationRefused(worker, exitCode: refusal), &actions)
        case .starting, .ready:
            self.countExit(of: known)
            let slot = self.slots[worker.slot]
            actions.append(.log(.workerDied(worker, status, earlyExits: slot.earlyExits, pause: slot.notBefore - self.now)))
            if known.phase == .starting {
                self.countFailedReplacement(in: worker.slot, isHopeless: status == .exited(refusal), &actions)
            }
            self.giveUpIfAllowed(slot: worker.slot, &actions)
        }
    }

    private mutating func spawnFailed(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        guard let known = self.slots.worker(worker) else { return }
        self.slots.remove(worker)
        self.countExit(of: known)
        let slot = self.slots[worker.slot]
        actions.append(.log(.workerNotStarted(worker, earlyExits: slot.earlyExits, pause: slot.notBefore - self.now)))
        guard self.mode == .running else { return }
        if self.wasEverReady {
            self.countFailedReplacement(in: worker.slot, isHopeless: false, &actions)
            self.giveUpIfAllowed(slot: worker.slot, &actions)
        } else {
            self.stop(exitCode: SupervisorExitCode.cannotSpawn, logging: .gaveUp, &actions)
        }
    }

    private mutating func countExit(of worker: SupervisedSlot.Worker) {
        self.slots[worker.identifier.slot].countExit(of: worker, at: self.now, self.configuration.backoff)
    }

    private mutating func giveUpIfAllowed(slot: Int, _ actions: inout [SupervisorAction]) {
        guard let limit = self.configuration.earlyExitLimit, self.slots[slot].earlyExits >= limit else { return }
        guard !self.slots.workers.contains(where: { $0.phase == .ready }) else { return }
        self.stop(exitCode: SupervisorExitCode.gaveUp, logging: .gaveUp, &actions)
    }

    // MARK: Replacement

    private mutating func requestReload(_ actions: inout [SupervisorAction]) {
        guard self.mode == .running, !self.isReadingSettings else { return }
        self.isReadingSettings = true
        actions.append(.readSettings)
    }

    private mutating func beginReload(_ review: SettingsReview, _ actions: inout [SupervisorAction]) {
        guard self.isReadingSettings else { return }
        self.isReadingSettings = false
        guard self.mode == .running else { return }
        self.reloadBelow = self.nextSerial
        self.failedReplacements = 0
        self.reloadNote.begin(review)
        // A reload probably follows a repair, so the pauses end now.
        for slot in self.slots.indices {
            self.slots[slot].earlyExits = 0
            self.slots[slot].notBefore = self.now
        }
        actions.append(.log(.reloadBegun))
        if !review.needsRestart.isEmpty { actions.append(.log(.restartNeeded(review.needsRestart))) }
    }

    private mutating func refuseReload(_ actions: inout [SupervisorAction]) {
        guard self.isReadingSettings else { return }
        self.isReadingSettings = false
        self.reloadNote.refuseFile()
        actions.append(.log(.reloadAbandoned))
    }

    /// A worker that died before it was ready, beside one that still serves, was a failed replacement.
    private mutating func countFailedReplacement(in slot: Int, isHopeless: Bool, _ actions: inout [SupervisorAction]) {
        guard self.slots[slot].newest != nil else { return }
        self.failedReplacements += 1
        guard isHopeless || self.failedReplacements >= self.configuration.reloadAttempts else { return }
        self.failedReplacements = 0
        if self.reloadBelow > 0 { self.reloadNote.abandon(isHopeless: isHopeless) }
        self.reloadBelow = 0
        self.noRecyclingBefore = self.now + self.configuration.recyclingPause
        for index in self.slots.indices {
            for position in self.slots[index].workers.indices { self.slots[index].workers[position].wantsReplacement = false }
        }
        actions.append(.log(.reloadAbandoned))
    }

    private func isStale(_ worker: SupervisedSlot.Worker) -> Bool {
        worker.wantsReplacement || worker.identifier.serial < self.reloadBelow
    }

    // MARK: Health and load

    /// A worker was looked at.
    private mutating func observed(_ worker: WorkerIdentifier, _ health: WorkerHealth, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, var known = self.slots.worker(worker), known.phase == .ready else { return }
        known.observe(health.heartbeat, at: self.now, longestStep: self.configuration.observationInterval * 2)
        self.slots.update(worker) { $0 = known }
        let silence = known.silence
        if let timeout = self.configuration.heartbeatTimeout, silence >= timeout {
            self.abort(known, silence: silence, &actions)
        } else if let limit = self.configuration.memoryLimit, let bytes = health.residentBytes, bytes > limit {
            guard self.noRecyclingBefore <= self.now else { return }
            self.wantsReplacement(worker, logging: .memoryExceeded(worker, bytes: bytes), &actions)
        }
    }

    /// Has the worker replaced as a reload would: its successor is ready before it is drained.
    private mutating func wantsReplacement(
        _ worker: WorkerIdentifier,
        logging event: SupervisorLogEvent,
        _ actions: inout [SupervisorAction]
    ) {
        guard self.mode == .running, let known = self.slots.worker(worker), known.isServing, !known.wantsReplacement else { return }
        self.slots.update(worker) { $0.wantsReplacement = true }
        actions.append(.log(event))
    }

    /// Gives up a worker that serves no request any more; its slot is refilled without waiting for its end.
    private mutating func abort(_ worker: SupervisedSlot.Worker, silence: Duration, _ actions: inout [SupervisorAction]) {
        self.countExit(of: worker)
        actions.append(.log(.heartbeatMissed(worker.identifier, silence: silence)))
        self.sendAbort(to: worker.identifier, stuckSince: self.now, again: false, &actions)
        self.giveUpIfAllowed(slot: worker.identifier.slot, &actions)
    }

    /// Asks a stuck worker for its crash report, or to end after that.
    ///
    /// The runtime's handler for SIGABRT writes the report, gives the signal its default action back and returns: after a signal from outside the
    /// program simply goes on. It is the second one that ends it, and one that came too early would cut the report short.
    private mutating func sendAbort(
        to worker: WorkerIdentifier,
        stuckSince start: Duration,
        again isSecond: Bool,
        _ actions: inout [SupervisorAction]
    ) {
        let timeout = self.configuration.abortTimeout
        self.slots.update(worker) {
            $0.phase = .aborted(at: start, isSecond: isSecond)
            $0.deadline = start + (isSecond ? timeout : timeout * 2 / 5)
        }
        actions.append(.signal(worker, .abort))
    }

    /// All workers were looked at together.
    private mutating func loadSampled(_ sample: WorkerScaling.LoadSample, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, self.state.phase == .running else { return }
        let serving = self.slots.prefix(self.target).count { slot in slot.workers.contains { $0.phase == .ready } }
        let wanted = self.scaling?.workers(after: sample, workers: self.target, serving: serving, at: self.now)
        if let wanted { self.want(wanted, &actions) }
    }

    // MARK: Stopping

    private mutating func stop(exitCode: CInt, logging event: SupervisorLogEvent, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running else { return }
        self.mode = .stopping(exitCode: exitCode)
        actions.append(.log(event))
        actions.append(.closeListener)
        // Before any worker drains, so that none is sent a connection after it has read its handoff socket for the last time.
        for slot in self.slots.indices { self.retire(slot, &actions) }
        for worker in self.slots.workers where worker.isServing { self.drain(worker.identifier, &actions) }
    }

    private mutating func stopNow(_ actions: inout [SupervisorAction]) {
        self.stop(exitCode: SupervisorExitCode.success, logging: .stoppingNow, &actions)
        for worker in self.slots.workers where worker.phase != .killed { self.kill(worker.identifier, &actions) }
    }

    private mutating func drain(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        let deadline = self.now + self.configuration.gracePeriod
        self.slots.update(worker) {
            $0.phase = .draining
            $0.deadline = deadline
        }
        actions.append(.signal(worker, .terminate))
    }

    private mutating func kill(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        self.slots.update(worker) {
            $0.phase = .killed
            $0.deadline = nil
        }
        actions.append(.signal(worker, .kill))
    }

    private mutating func retire(_ slot: Int, _ actions: inout [SupervisorAction]) {
        guard !self.slots[slot].isRetired else { return }
        self.slots[slot].isRetired = true
        actions.append(.closeHandoffSocket(slot: slot))
    }

    private mutating func signalAll(_ signal: ProcessSignal, _ actions: inout [SupervisorAction]) {
        for worker in self.slots.workers where worker.phase != .killed { actions.append(.signal(worker.identifier, signal)) }
    }

    private mutating func want(_ workers: Int, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, (1...self.configuration.maximumWorkers).contains(workers) else { return }
        self.target = workers
        actions.append(.log(.workersWanted(workers)))
    }

    private mutating func enforceDeadlines(_ actions: inout [SupervisorAction]) {
        for worker in self.slots.workers {
            guard let deadline = worker.deadline, deadline <= self.now else { continue }
            switch worker.phase {
            case .starting:
                // Counted now: the slot must not be refilled at once only because the kernel still cleans up.
                self.countExit(of: worker)
                actions.append(.log(.readinessTimeout(worker.identifier)))
                self.kill(worker.identifier, &actions)
                self.countFailedReplacement(in: worker.identifier.slot, isHopeless: false, &actions)
                self.giveUpIfAllowed(slot: worker.identifier.slot, &actions)
            case .aborted(let start, isSecond: false):
                self.sendAbort(to: worker.identifier, stuckSince: start, again: true, &actions)
            case .aborted:
                actions.append(.log(.abortIgnored(worker.identifier)))
                self.kill(worker.identifier, &actions)
            case .ready, .draining, .killed:
                actions.append(.log(.graceExpired(worker.identifier)))
                self.kill(worker.identifier, &actions)
            }
        }
    }

    // MARK: What should be

    /// Asks for everything that the present state lacks.
    private mutating func settle(_ actions: inout [SupervisorAction]) {
        switch self.mode {
        case .finished: return
        case .stopping(let exitCode):
            guard self.slots.allSatisfy(\.workers.isEmpty) else { return }
            self.mode = .finished
            self.slots = []
            actions.append(.finish(exitCode: exitCode))
        case .running:
            self.fitSlots(&actions)
            for slot in 0..<self.target where self.slots[slot].newest == nil { self.spawnIfPossible(slot, &actions) }
            self.replaceOne(&actions)
        }
    }

    private mutating func fitSlots(_ actions: inout [SupervisorAction]) {
        while self.slots.count < self.target { self.slots.append(SupervisedSlot()) }
        for slot in self.slots.indices.dropFirst(self.target) {
            self.retire(slot, &actions)
            for worker in self.slots[slot].workers where worker.isServing { self.drain(worker.identifier, &actions) }
        }
        while self.slots.count > self.target, self.slots.last?.workers.isEmpty == true { self.slots.removeLast() }
        for slot in 0..<self.target { self.slots[slot].isRetired = false }
    }

    private mutating func spawnIfPossible(_ slot: Int, _ actions: inout [SupervisorAction]) {
        guard self.slots[slot].hasRoom, self.slots[slot].notBefore <= self.now else { return }
        let worker = WorkerIdentifier(slot: slot, serial: self.nextSerial)
        self.nextSerial += 1
        let deadline = self.now + self.configuration.readinessTimeout
        self.slots[slot].workers.append(
            SupervisedSlot.Worker(identifier: worker, spawnedAt: self.now, phase: .starting, deadline: deadline)
        )
        actions.append(.spawn(worker, slots: self.target))
    }

    /// Starts the successor of one stale worker, unless one is on its way.
    private mutating func replaceOne(_ actions: inout [SupervisorAction]) {
        let stale = (0..<self.target).filter { slot in self.slots[slot].newest.map(self.isStale) ?? false }
        // A successor shows as the newest of its slot, with the one it succeeds still serving beside it.
        let isUnderWay = self.slots.contains { slot in slot.workers.count { $0.isServing } > 1 }
        if !isUnderWay, let slot = stale.first(where: { self.slots[$0].hasRoom }) { self.spawnIfPossible(slot, &actions) }
        if self.reloadBelow > 0, !self.slots.contains(where: { $0.workers.contains { $0.isServing && self.isStale($0) } }) {
            self.reloadBelow = 0
            actions.append(.log(.reloadFinished))
        }
    }
}
