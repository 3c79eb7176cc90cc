internal import ParanoidLinux

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
