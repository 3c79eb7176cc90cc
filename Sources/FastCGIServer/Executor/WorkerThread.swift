internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// One loop: take the next ready job or the next ready connection, run it.
///
/// Requests are handled in tasks, one after the other in the same task as long as no handler suspends (``lead(_:)``): a task and the memory
/// for its calls cost more than many a handler. A handler that has suspended keeps its task for itself, and the thread goes on with another
/// one. So a task that can be cancelled belongs to one request. Where the time of requests is limited, each has a task of its own from
/// the start, as it may be cancelled before it suspends.
struct WorkerThread: Sendable {
    /// Handles one request in a task.
    let handler: @Sendable (consuming FastCGIRequest) async -> Void
    /// Where connections come from.
    let scheduler: ConnectionScheduler
    /// Where jobs come from.
    let executor: WorkerExecutor
    /// Jobs in a row before connections are looked at again; neither may starve the other.
    private static let jobsPerTurn = 16

    /// Runs until the scheduler is stopped; blocks the thread.
    func run() {
        self.executor.jobs.join()
        defer { self.executor.jobs.leave() }
        while !self.scheduler.isStopped {
            self.runJobs()
            guard let connection = self.look() else { continue }
            if let timers = self.scheduler.timers { self.serve(connection, timers) } else { self.lead(connection) }
        }
        self.runJobs()
    }

    private func runJobs() {
        for _ in 0..<Self.jobsPerTurn {
            guard let job = self.executor.jobs.next() else { return }
            unsafe job.runSynchronously(on: self.executor.asUnownedTaskExecutor())
        }
    }

    // MARK: - Many requests in one task

    /// Handles a request, and those that come after it until a handler suspends or a job is ready.
    private func lead(_ first: FastCGIConnection) {
        let lead = Lead()
        let (task, job) = self.executor.jobs.capture {
            Task(executorPreference: self.executor) { await self.handleRequests(from: first, lead) }
        }
        guard let job else { return }
        unsafe job.runSynchronously(on: self.executor.asUnownedTaskExecutor())
        guard let (connection, request) = lead.end() else { return }
        self.noteSuspension(of: task, connection, request)
    }

    private func handleRequests(from first: FastCGIConnection, _ lead: Lead) async {
        var next: FastCGIConnection? = first
        while let connection = next {
            lead.begin(connection)
            let place = connection.costPlace
            let start = MonotonicClock.microseconds()
            await self.handler(FastCGIRequest(connection))
            let isLeading = lead.finish()
            if isLeading { self.scheduler.costs.note(place, microseconds: MonotonicClock.microseconds() - start) }
            self.scheduler.delegate?.requestEnded()
            self.scheduler.handlerEnded()
            // A task that its own handler has cancelled would pass that on to the next request.
            guard isLeading, !Task.isCancelled else { return }
            next = self.nextConnection()
        }
    }

    /// Waits for the next connection with a request; `nil` if the thread has something else to do.
    private func nextConnection() -> FastCGIConnection? {
        while self.executor.jobs.isEmpty, !self.scheduler.isStopped {
            if let connection = self.look() { return connection }
        }
        return nil
    }

    /// Waits for one event and does what it asks for.
    ///
    /// - Returns: A connection with a request to serve: usually the one of the event, or one that has waited.
    private func look() -> FastCGIConnection? {
        let deferred = self.scheduler.deferred
        if let connection = deferred.due() { return connection }
        guard let event = self.scheduler.nextEvent(jobs: self.executor.jobs) else { return deferred.next() }
        guard let connection = self.scheduler.handle(event, jobs: self.executor.jobs), self.begins(connection) else { return nil }
        if self.scheduler.costs.isDear(connection.costPlace), !self.scheduler.hasSleepingThreads {
            deferred.append(connection)
            return nil
        }
        if !deferred.isEmpty {
            deferred.pass()
            // One that has gone to sleep meanwhile has not seen them, and this handler may take long.
            if self.scheduler.hasSleepingThreads { self.executor.jobs.wakeUp.signal() }
        }
        return connection
    }

    // MARK: - One request in one task

    private func serve(_ connection: FastCGIConnection, _ timers: RequestTimers) {
        let number = connection.begunRequests
        let timer = timers.begin()
        let (task, job) = self.executor.jobs.capture {
            Task(executorPreference: self.executor) { [handler, scheduler] in
                await handler(FastCGIRequest(connection, timer: timer))
                timers.end(timer)
                scheduler.delegate?.requestEnded()
                scheduler.handlerEnded()
            }
        }
        timer.set(task)
        guard let job else { return }
        let place = connection.costPlace
        let start = MonotonicClock.microseconds()
        unsafe job.runSynchronously(on: self.executor.asUnownedTaskExecutor())
        self.scheduler.costs.note(place, microseconds: MonotonicClock.microseconds() - start)
        self.noteSuspension(of: task, connection, number)
    }

    // MARK: - Both

    /// Counts a request that begins, or turns it away: too many are there already, and this one is answered without its handler.
    private func begins(_ connection: FastCGIConnection) -> Bool {
        guard self.scheduler.handlerBegins() else {
            self.scheduler.delegate?.count(.overloads)
            self.scheduler.logger.error("Requests are refused: as many as allowed are running.")
            self.scheduler.configuration.rejectOverload(FastCGIRequest(connection, timer: nil))
            self.scheduler.handlerEnded()
            return false
        }
        self.scheduler.delegate?.requestBegan()
        return true
    }

    /// Only a handler that has suspended needs to hear that its client has gone.
    private func noteSuspension(of task: Task<Void, Never>, _ connection: FastCGIConnection, _ request: Int) {
        if connection.finishedRequests.load(ordering: .acquiring) < request {
            self.scheduler.suspended(connection, request: request, task)
        }
    }
}

/// Whether a task still leads its thread: it never suspended, so it runs in the call with which the thread has started it.
private final class Lead: Sendable {
    private struct State {
        var isOver = false
        var connection: FastCGIConnection?
        var request = 0
    }

    private let thread = JobQueue.threadMark
    private let state = Mutex(State())

    /// A request begins.
    func begin(_ connection: FastCGIConnection) {
        self.state.withLock { state in
            state.connection = connection
            state.request = connection.begunRequests
        }
    }

    /// A handler has returned, perhaps on another thread while the first one has not yet seen that it suspended.
    ///
    /// - Returns: Whether the task still leads.
    func finish() -> Bool {
        guard let thread = JobQueue.threadMark, thread == self.thread else { return false }
        return self.state.withLock { state in
            guard !state.isOver else { return false }
            state.connection = nil
            return true
        }
    }

    /// The thread has its call back, and the task leads no more.
    ///
    /// - Returns: The request in which it suspended; `nil` if it has ended between two.
    func end() -> (FastCGIConnection, Int)? {
        self.state.withLock { state in
            state.isOver = true
            guard let connection = state.connection else { return nil }
            state.connection = nil
            return (connection, state.request)
        }
    }
}
