internal import ParanoidLinux
internal import Logging
internal import Synchronization

/// One loop: take the next ready job or the next ready connection, run it.
struct WorkerThread: Sendable {
    /// Handles one request in its task.
    let handler: @Sendable (consuming FastCGIRequest) async -> Void
    /// Where connections come from.
    let scheduler: ConnectionScheduler
    /// Where jobs come from.
    let executor: WorkerExecutor
    /// Counts handlers that have not returned yet.
    let runningHandlers: AtomicCounter

    /// Jobs in a row before connections are looked at again; neither may starve the other.
    private static let jobsPerTurn = 16

    /// Runs until the scheduler is stopped; blocks the thread.
    func run() {
        self.executor.jobs.join()
        defer { self.executor.jobs.leave() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: self.scheduler.inspector.longestHead, alignment: 8)
        defer { unsafe buffer.deallocate() }
        while !self.scheduler.isStopped {
            self.runJobs()
            guard let event = self.scheduler.nextEvent(jobs: self.executor.jobs) else { continue }
            if let connection = unsafe self.scheduler.handle(event, jobs: self.executor.jobs, buffer: buffer) {
                self.serve(connection)
            }
        }
        self.runJobs()
    }

    private func runJobs() {
        for _ in 0..<Self.jobsPerTurn {
            guard let job = self.executor.jobs.next() else { return }
            unsafe job.runSynchronously(on: self.executor.asUnownedTaskExecutor())
        }
    }

    private func serve(_ connection: FastCGIConnection) {
        let number = connection.begunRequests
        guard self.runningHandlers.add() <= self.scheduler.configuration.maximumRequests else { return self.rejectOverload(connection) }
        let surroundings = self.scheduler.surroundings
        surroundings?.requestBegan()
        let timers = self.scheduler.timers
        let timer = timers?.begin()
        let (task, job) = self.executor.jobs.capture {
            Task(executorPreference: self.executor) { [handler, runningHandlers] in
                await handler(FastCGIRequest(connection, timer: timer))
                if let timer { timers?.end(timer) }
                surroundings?.requestEnded()
                runningHandlers.subtract()
            }
        }
        timer?.set(task)
        guard let job else { return }
        unsafe job.runSynchronously(on: self.executor.asUnownedTaskExecutor())
        // Only a handler that has suspended needs to hear that its client has gone.
        if connection.finishedRequests.load(ordering: .acquiring) < number {
            self.scheduler.suspended(connection, request: number, task)
        }
    }

    /// Too many requests are there already: this one is answered without its handler.
    private func rejectOverload(_ connection: FastCGIConnection) {
        self.scheduler.surroundings?.count(.overloaded)
        self.scheduler.reportRarely(self.scheduler.lastOverload) {
            self.scheduler.logger.error("Requests are turned away: as many as allowed are running.")
        }
        self.scheduler.configuration.rejectOverload(FastCGIRequest(connection, timer: nil))
        self.runningHandlers.subtract()
    }
}
