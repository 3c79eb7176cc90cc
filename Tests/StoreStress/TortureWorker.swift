internal import FileSessionStore
internal import Glibc
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// One of the processes of a torture.
struct TortureWorker {
    let ground: TortureGround
    /// The worker's place; its replacement gets the same.
    let place: Int
    /// Names the process among all that ever ran.
    let serial: Int
    let processes: Int
    let threads: Int

    /// Works until the stop sign is up or the parent is gone.
    func run() async throws {
        let parent = getppid()
        let field = try TortureField(self.ground, chains: self.processes * TortureGround.chainsPerProcess)
        let executor = try ThreadedExecutor(threads: self.threads)
        try await withTaskExecutorPreference(executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<self.threads {
                    let ownChain = number < TortureGround.chainsPerProcess ? self.place * TortureGround.chainsPerProcess + number : nil
                    group.addTask {
                        var task = try TortureTask(field, serial: self.serial, number: number, ownChain: ownChain)
                        do {
                            try await task.run()
                        } catch {
                            field.violation("a call failed: \(error)")
                            field.isOver.store(true, ordering: .relaxed)
                            throw error
                        }
                    }
                }
                group.addTask { try await self.sweep(field) }
                group.addTask { try await self.watch(field, parent) }
                try await group.waitForAll()
            }
        }
    }

    /// Two of the processes sweep, so that they also meet each other.
    private func sweep(_ field: TortureField) async throws {
        let removed = try NoteFile(self.ground.note("swept"))
        while self.place < 2 && !field.isOver.load(ordering: .relaxed) {
            let report = try await field.repository.sweep(expiredAt: TortureGround.now(), budget: 64)
            for _ in 0..<report.removed + report.leftovers { removed.tally() }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func watch(_ field: TortureField, _ parent: pid_t) async throws {
        defer { field.isOver.store(true, ordering: .relaxed) }
        while unsafe access(self.ground.stopSign, F_OK) != 0 && getppid() == parent {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
