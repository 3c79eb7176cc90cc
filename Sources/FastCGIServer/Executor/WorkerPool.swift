internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// The worker threads of a server and the thread that keeps time for them.
final class WorkerPool: Sendable {
    private let worker: WorkerThread
    private let logger: Logger
    private let timeKeeper = Mutex<Thread?>(nil)

    /// Creates a pool; no thread runs yet.
    init(worker: WorkerThread, logger: Logger) {
        self.worker = worker
        self.logger = logger
    }

    /// Starts the threads.
    ///
    /// - Parameter onStop: Called on the time keeper's thread after all worker threads have ended.
    func start(onStop: @escaping @Sendable () -> Void) throws(SystemCallError) {
        let threads = self.worker.scheduler.configuration.threads
        precondition(threads > 0, "a server needs a thread")
        try self.timeKeeper.withLock { (thread) throws(SystemCallError) in
            thread = try Thread(name: "fcgi-time", stackSize: 256 << 10) {
                self.runThreads(threads)
                onStop()
            }
        }
    }

    /// Waits for the time keeper, which has nothing left to do after `onStop`.
    func join() {
        let thread = self.timeKeeper.withLock { $0.take() }
        thread?.join()
    }

    private func runThreads(_ count: Int) {
        let workers = OwnedThreads()
        for number in 1...count {
            do throws(SystemCallError) {
                workers.add(try Thread(name: "fcgi-\(number)") { self.worker.run() })
            } catch {
                self.logger.critical("A worker thread could not be started.", metadata: ["error": "\(error)"])
            }
        }
        self.worker.scheduler.beat()
        if workers.isEmpty { self.worker.scheduler.drain() }
        self.keepTime(untilDrained: workers.isEmpty)
        self.worker.scheduler.stop()
        workers.joinAll()
        self.worker.executor.close()
    }

    /// Ticks until all is finished; without threads nothing will be, so the first drained moment is the end.
    private func keepTime(untilDrained hasNoThreads: Bool) {
        let scheduler = self.worker.scheduler
        let period = Self.period(for: scheduler.configuration)
        while true {
            scheduler.timeKeeper.wait(milliseconds: scheduler.isDraining ? min(period, 10) : period)
            while scheduler.timeKeeper.consume() {}
            scheduler.keepTime()
            guard scheduler.isDraining else { continue }
            if hasNoThreads || (scheduler.isDrained && self.worker.scheduler.hasNoRunningHandlers) { return }
        }
    }

    /// Milliseconds between two looks: fine enough for the shortest deadline, twice a second otherwise.
    private static func period(for configuration: FastCGIServerConfiguration) -> CInt {
        let deadlines = [
            configuration.headDeadline, configuration.writeTimeout, configuration.lingerTime, configuration.idleDrainTime,
            configuration.requestDeadline ?? configuration.headDeadline,
            // Four looks in it are one too many: the interval is meant as it is.
            configuration.samplingInterval.map { $0 * 4 } ?? configuration.headDeadline,
        ]
        let shortest = deadlines.min() ?? .zero
        return CInt(max(10, min(500, shortest / .milliseconds(4))))
    }
}

/// Threads to be joined together; used by one thread only.
private final class OwnedThreads {
    private final class Entry {
        var thread: Thread?

        init(_ thread: consuming Thread) {
            self.thread = consume thread
        }
    }

    private var entries: [Entry] = []

    var isEmpty: Bool { self.entries.isEmpty }

    func add(_ thread: consuming Thread) {
        self.entries.append(Entry(thread))
    }

    func joinAll() {
        for entry in self.entries {
            let thread = entry.thread.take()
            thread?.join()
        }
        self.entries = []
    }
}

/// The task executor of the process's requests; the worker threads are its threads.
///
/// After the threads have ended, what is left of a task runs on the global pool, so that no task hangs for ever.
final class WorkerExecutor: TaskExecutor {
    /// The ready jobs.
    let jobs: JobQueue

    /// Creates an executor; jobs wait until threads take them.
    init(jobs: JobQueue) {
        self.jobs = jobs
    }

    /// Adds a job; called by the concurrency runtime on any thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !self.jobs.enqueue(job) { Self.runElsewhere(job) }
    }

    /// Moves the jobs that no thread will take any more to the global pool.
    func close() {
        for job in self.jobs.close() { Self.runElsewhere(job) }
    }

    private static func runElsewhere(_ job: UnownedJob) {
        globalConcurrentExecutor.enqueue(job)
    }
}
