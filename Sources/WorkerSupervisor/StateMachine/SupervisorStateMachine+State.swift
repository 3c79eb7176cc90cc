/// How things are as a whole, and how many workers that asks for.
extension SupervisorStateMachine {
    /// How things are, for whoever has started this.
    package var state: SystemdStatus.State {
        let isRunning = self.mode == .running
        let isReloading = self.isReadingSettings || self.reloadBelow > 0
        let workers = self.slots.flatMap(\.workers)
        return SystemdStatus.State(
            phase: !isRunning ? .stopping : isReloading ? .reloading : .running,
            serving: workers.count { isRunning ? $0.phase == .ready : $0.phase == .draining },
            wanted: self.target
        )
    }

    /// All workers were looked at together.
    mutating func looked(_ look: WorkerScaling.Look, _ actions: inout [SupervisorAction]) {
        guard self.mode == .running, self.state.phase == .running else { return }
        let serving = self.slots.prefix(self.target).count { slot in slot.workers.contains { $0.phase == .ready } }
        let wanted = self.scaling?.workers(after: look, workers: self.target, serving: serving, at: self.now)
        if let wanted { self.want(wanted, &actions) }
    }
}
