import ParanoidLinux

/// The rules of supervision: events in, actions out, no process touched and no clock read.
///
/// Every event first changes what is known; then ``settle(_:)`` compares what should be with what is and asks for the difference. So a slot
/// cannot be forgotten: whatever happened, the next event or deadline fills it.
///
/// Times are distances from an arbitrary start and must not run backwards.
package struct SupervisorStateMachine: Sendable {
    enum Mode: Sendable, Hashable {
        case running
        case stopping(exitCode: CInt)
        case finished
    }

    let configuration: SupervisorConfiguration
    var mode = Mode.running
    /// How many slots are wanted; those at this index and above are being given up.
    var target: Int
    var slots: [SupervisedSlot] = []
    private var nextSerial = 0
    /// Workers with a smaller serial number are to be replaced; zero when no reload is going on.
    var reloadBelow = 0
    var isReadingSettings = false
    private var failedReplacements = 0
    /// Until when nobody is replaced for the memory used, as successors have failed.
    var noRecyclingBefore: Duration = .zero
    private var wasEverReady = false
    var now: Duration = .zero
    var scaling: WorkerScaling?

    /// Creates a machine that has not started anything yet.
    package init(_ configuration: SupervisorConfiguration) {
        precondition(configuration.workers >= 1 && configuration.maximumWorkers >= configuration.workers, "no sensible number of workers")
        self.configuration = configuration
        self.target = configuration.workers
        self.scaling = configuration.scaling.map { WorkerScaling($0) }
    }

    /// Starts all workers.
    ///
    /// Call it once, first.
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
        case .replacementRequested(let worker): self.wantsReplacement(worker, noting: .replacementRequested(worker), &actions)
        case .observed(let worker, let vitals): self.observed(worker, vitals, &actions)
        case .looked(let look): self.looked(look, &actions)
        case .exited(let worker, let status): self.exited(worker, status, &actions)
        case .spawnFailed(let worker): self.spawnFailed(worker, &actions)
        case .stop: self.stop(exitCode: SupervisorExitCode.success, noting: .stopping, &actions)
        case .stopNow: self.stopNow(&actions)
        case .reload: self.requestReload(&actions)
        case .settingsRead: self.beginReload(&actions)
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

    // MARK: Workers

    private mutating func becameReady(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        guard self.find(worker)?.phase == .starting else { return }
        self.wasEverReady = true
        self.failedReplacements = 0
        self.update(worker) {
            $0.phase = .ready
            $0.deadline = nil
        }
        actions.append(.note(.workerReady(worker)))
        // The successor serves, so its predecessor may go: this is the only way in which a wanted worker is asked to.
        for other in self.slots[worker.slot].workers where other.isServing && other.identifier != worker {
            self.drain(other.identifier, &actions)
        }
    }

    private mutating func exited(_ worker: WorkerIdentifier, _ status: WaitStatus, _ actions: inout [SupervisorAction]) {
        guard let known = self.find(worker) else { return }
        self.slots[worker.slot].workers.removeAll { $0.identifier == worker }
        switch known.phase {
        case .draining, .aborted, .killed:
            actions.append(.note(.workerDrained(worker, status)))
        case .starting where !self.wasEverReady && status == .exited(SupervisorExitCode.unusableConfiguration):
            self.stop(
                exitCode: SupervisorExitCode.unusableConfiguration,
                noting: .configurationRefused(worker, exitCode: SupervisorExitCode.unusableConfiguration),
                &actions
            )
        case .starting, .ready:
            self.countDeath(of: known)
            let slot = self.slots[worker.slot]
            actions.append(.note(.workerDied(worker, status, earlyExits: slot.earlyExits, pause: slot.notBefore - self.now)))
            if known.phase == .starting {
                let isHopeless = status == .exited(SupervisorExitCode.unusableConfiguration)
                self.countFailedReplacement(in: worker.slot, isHopeless: isHopeless, &actions)
            }
            self.giveUpIfAllowed(slot: worker.slot, &actions)
        }
    }

    private mutating func spawnFailed(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        guard let known = self.find(worker) else { return }
        self.slots[worker.slot].workers.removeAll { $0.identifier == worker }
        self.countDeath(of: known)
        let slot = self.slots[worker.slot]
        actions.append(.note(.workerNotStarted(worker, earlyExits: slot.earlyExits, pause: slot.notBefore - self.now)))
        guard self.mode == .running else { return }
        if self.wasEverReady {
            self.countFailedReplacement(in: worker.slot, isHopeless: false, &actions)
            self.giveUpIfAllowed(slot: worker.slot, &actions)
        } else {
            self.stop(exitCode: SupervisorExitCode.cannotSpawn, noting: .gaveUp, &actions)
        }
    }

    mutating func countDeath(of worker: SupervisedSlot.Worker) {
        let slot = worker.identifier.slot
        let deaths = self.configuration.backoff.earlyExits(
            after: self.slots[slot].earlyExits,
            age: worker.lastSignOfLife(at: self.now) - worker.spawnedAt,
            wasReady: worker.phase == .ready
        )
        self.slots[slot].earlyExits = deaths
        self.slots[slot].notBefore = self.now + self.configuration.backoff.delay(afterYoungDeaths: deaths)
    }

    mutating func giveUpIfAllowed(slot: Int, _ actions: inout [SupervisorAction]) {
        guard let limit = self.configuration.youngDeathLimit, self.slots[slot].earlyExits >= limit else { return }
        guard !self.slots.contains(where: { $0.workers.contains { $0.phase == .ready } }) else { return }
        self.stop(exitCode: SupervisorExitCode.gaveUp, noting: .gaveUp, &actions)
    }

    // MARK: Replacement

    private mutating func requestReload(_ actions: inout [SupervisorAction]) {
        guard self.mode == .running, !self.isReadingSettings else { return }
        self.isReadingSettings = true
        actions.append(.readSettings)
    }

    private mutating func beginReload(_ actions: inout [SupervisorAction]) {
        guard self.isReadingSettings else { return }
        self.isReadingSettings = false
        guard self.mode == .running else { return }
        self.reloadBelow = self.nextSerial
        self.failedReplacements = 0
        // Whoever reloads has probably repaired something: do not let the slots sit their pauses out.
        for slot in self.slots.indices {
            self.slots[slot].earlyExits = 0
            self.slots[slot].notBefore = self.now
        }
        actions.append(.note(.reloadBegun))
    }

    private mutating func refuseReload(_ actions: inout [SupervisorAction]) {
        guard self.isReadingSettings else { return }
        self.isReadingSettings = false
        actions.append(.note(.reloadAbandoned))
    }

    /// A worker that died before it was ready, beside one that still serves, was a failed replacement.
    private mutating func countFailedReplacement(in slot: Int, isHopeless: Bool, _ actions: inout [SupervisorAction]) {
        guard self.slots[slot].newest != nil else { return }
        self.failedReplacements += 1
        guard isHopeless || self.failedReplacements >= self.configuration.reloadAttempts else { return }
        self.failedReplacements = 0
        self.reloadBelow = 0
        self.noRecyclingBefore = self.now + self.configuration.recyclingPause
        for index in self.slots.indices {
            for position in self.slots[index].workers.indices { self.slots[index].workers[position].wantsReplacement = false }
        }
        actions.append(.note(.reloadAbandoned))
    }

    private func isStale(_ worker: SupervisedSlot.Worker) -> Bool {
        worker.wantsReplacement || worker.identifier.serial < self.reloadBelow
    }

    // MARK: Stopping

    private mutating func stop(exitCode: CInt, noting note: SupervisorLogEvent, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running else { return }
        self.mode = .stopping(exitCode: exitCode)
        actions.append(.note(note))
        actions.append(.closeListener)
        // Before anybody drains, so that nobody is sent a connection after having looked into its mailbox for the last time.
        for slot in self.slots.indices { self.retire(slot, &actions) }
        for slot in self.slots.indices {
            for worker in self.slots[slot].workers where worker.isServing { self.drain(worker.identifier, &actions) }
        }
    }

    private mutating func stopNow(_ actions: inout [SupervisorAction]) {
        self.stop(exitCode: SupervisorExitCode.success, noting: .stoppingNow, &actions)
        for worker in self.slots.flatMap(\.workers) where worker.phase != .killed { self.kill(worker.identifier, &actions) }
    }

    private mutating func drain(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        let deadline = self.now + self.configuration.gracePeriod
        self.update(worker) {
            $0.phase = .draining
            $0.deadline = deadline
        }
        actions.append(.signal(worker, .terminate))
    }

    mutating func kill(_ worker: WorkerIdentifier, _ actions: inout [SupervisorAction]) {
        self.update(worker) {
            $0.phase = .killed
            $0.deadline = nil
        }
        actions.append(.signal(worker, .kill))
    }

    private mutating func retire(_ slot: Int, _ actions: inout [SupervisorAction]) {
        guard !self.slots[slot].isRetired else { return }
        self.slots[slot].isRetired = true
        actions.append(.closeMailbox(slot: slot))
    }

    private mutating func signalAll(_ signal: ProcessSignal, _ actions: inout [SupervisorAction]) {
        for worker in self.slots.flatMap(\.workers) where worker.phase != .killed { actions.append(.signal(worker.identifier, signal)) }
    }

    mutating func want(_ workers: Int, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, (1...self.configuration.maximumWorkers).contains(workers) else { return }
        self.target = workers
        actions.append(.note(.workersWanted(workers)))
    }

    private mutating func enforceDeadlines(_ actions: inout [SupervisorAction]) {
        for worker in self.slots.flatMap(\.workers) {
            guard let deadline = worker.deadline, deadline <= self.now else { continue }
            if worker.phase == .starting {
                // Counted now: the slot must not be refilled at once only because the kernel still cleans up.
                self.countDeath(of: worker)
                actions.append(.note(.readinessTimeout(worker.identifier)))
                self.kill(worker.identifier, &actions)
                self.countFailedReplacement(in: worker.identifier.slot, isHopeless: false, &actions)
                self.giveUpIfAllowed(slot: worker.identifier.slot, &actions)
            } else if worker.phase == .aborted, !worker.hasSecondAbort {
                self.sendAbort(to: worker.identifier, again: true, &actions)
            } else {
                actions.append(.note(worker.phase == .aborted ? .abortIgnored(worker.identifier) : .graceExpired(worker.identifier)))
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
        self.slots[slot].workers.append(
            SupervisedSlot.Worker(
                identifier: worker,
                spawnedAt: self.now,
                phase: .starting,
                deadline: self.now + self.configuration.readinessTimeout
            )
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
            actions.append(.note(.reloadFinished))
        }
    }

    func find(_ worker: WorkerIdentifier) -> SupervisedSlot.Worker? {
        guard self.slots.indices.contains(worker.slot) else { return nil }
        return self.slots[worker.slot].workers.first { $0.identifier == worker }
    }

    mutating func update(_ worker: WorkerIdentifier, _ change: (inout SupervisedSlot.Worker) -> Void) {
        guard self.slots.indices.contains(worker.slot) else { return }
        guard let position = self.slots[worker.slot].workers.firstIndex(where: { $0.identifier == worker }) else { return }
        change(&self.slots[worker.slot].workers[position])
    }
}
