internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The only right, across all threads and processes, to change a session's file; given up with the value.
struct SessionFileLock: ~Copyable {
    /// The locked file.
    let file: SessionFile

    deinit {
        // In this order: the next of this process would otherwise lose the lock it shares with us.
        FileLock.unlock(self.file.file)
        self.file.passTurn()
    }
}

extension SessionFile {
    /// Takes the right to change the file if nobody has it.
    func lockNow() throws(SessionStoreError) -> SessionFileLock? {
        guard self.takeTurnSoon() else { return nil }
        do throws(SystemCallError) {
            try self.faults.check(.lock)
            if try FileLock.tryLock(self.file) { return SessionFileLock(file: self) }
        } catch {
            self.passTurn()
            throw SessionStoreError(error, "locking session \(self.name)")
        }
        self.passTurn()
        return nil
    }

    /// Takes the turn if it is free, or will be in about the time that a change takes: to suspend and be woken costs more than that.
    private func takeTurnSoon() -> Bool {
        for _ in 0..<Self.looks {
            let (isTaken, somebodyWaits) = self.turns.withLock { ($0.take(), !$0.waiters.isEmpty) }
            if isTaken || somebodyWaits { return isTaken }
            UsableProcessors.pause()
        }
        return false
    }

    /// About 10 µs; once where no other thread can run meanwhile.
    private static let looks = UsableProcessors.areSeveral ? 24 : 1

    /// Waits for the right to change the file, suspended.
    ///
    /// First for the turn within the process, then, trying again and again, for the lock of the file. A task that is cancelled meanwhile
    /// goes on waiting, but not for longer than 50 ms on the lock of another process.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait; `.zero` tries once.
    ///   - maximumWaiters: The most tasks of this process that may wait.
    /// - Throws: `lockTimeout`, with the holder's process, `tooManyWaiting`, or what the system said.
    func lock(timeout: Duration, maximumWaiters: Int) async throws(SessionStoreError) -> SessionFileLock {
        var deadline: ContinuousClock.Instant?
        if !self.turns.withLock({ $0.take() }) {
            guard timeout > .zero else { throw self.timeout() }
            let end = ContinuousClock.now.advanced(by: timeout)
            deadline = end
            try await self.waitForTurn(until: end, maximumWaiters: maximumWaiters)
        }
        // From here on the turn must be passed on, whatever happens.
        do {
            try self.faults.check(.lock)
            if try FileLock.tryLock(self.file) { return SessionFileLock(file: self) }
            if timeout > .zero {
                var pause = Backoff(until: deadline ?? ContinuousClock.now.advanced(by: timeout))
                while await pause.wait() {
                    self.resume(self.turns.withLock { $0.expire(at: .now) })
                    if try FileLock.tryLock(self.file) { return SessionFileLock(file: self) }
                }
            }
        } catch {
            self.passTurn()
            throw SessionStoreError(error, "locking session \(self.name)")
        }
        let timeout = self.timeout()
        self.passTurn()
        throw timeout
    }

    private func waitForTurn(until deadline: ContinuousClock.Instant, maximumWaiters: Int) async throws(SessionStoreError) {
        var wakeCount = 0
        while true {
            let outcome = await withCheckedContinuation { continuation in
                let waiter = LockWaitQueue.Waiter(deadline: deadline, wakeCount: wakeCount, continuation: continuation)
                let (outcome, late) = self.turns.withLock { turns in
                    (turns.takeOrWait(waiter, limit: maximumWaiters), turns.isTaken ? turns.expire(at: .now) : [])
                }
                self.resume(late)
                if let outcome { continuation.resume(returning: outcome) }
            }
            switch outcome {
            case .granted: return
            case .timedOut: throw self.timeout()
            case .refused:
                throw SessionStoreError(.tooManyWaiting, message: "\(maximumWaiters) callers wait for session \(self.name) already")
            // Whoever was woken has to try before giving up, or nobody would wake the next.
            case .retry: wakeCount += 1
            }
        }
    }

    /// Lets the next task of this process try.
    fileprivate func passTurn() {
        self.resume(self.turns.withLock { $0.release() })
    }

    private func resume(_ resumptions: LockWaitQueue.Resumptions) {
        for (continuation, outcome) in resumptions { continuation.resume(returning: outcome) }
    }

    private func timeout() -> SessionStoreError {
        let holder = FileLock.holder(of: self.file).map { "process \($0)" } ?? "another task"
        return SessionStoreError(.lockTimeout, message: "session \(self.name) is locked by \(holder)")
    }
}
