internal import ParanoidLinux

/// Whether the workers that there can be fit into the memory that they are allowed together; pure.
struct MemoryBudget: Sendable, Hashable {
    /// What does not fit, with the setting that mends it.
    struct Problem: Sendable, Hashable {
        let text: String
        let change: String
    }

    /// The bytes that are allowed, and those in use.
    let limit: UsableMemory.Limit
    /// How many workers there can be: while one is replaced there is one more.
    let workers: Int
    /// What each may grow to; `nil`: as far as it likes.
    let bytesPerWorker: Int?

    /// The budget of an application with these settings; `nil` when its memory is not limited.
    init?(_ configuration: ApplicationConfiguration, limit: UsableMemory.Limit?) {
        guard let limit else { return nil }
        self.limit = limit
        let workers = configuration.scaling == .dynamic ? configuration.maximumWorkers : configuration.workers
        self.workers = workers == 0 ? 1 : workers + 1
        self.bytesPerWorker = configuration.workerMemoryLimit
    }

    private var isAlone: Bool { self.workers == 1 }

    /// What the settings allow and the limit does not.
    var allowed: Problem? {
        guard let bytes = self.bytesPerWorker, !self.isAlone,
            bytes.multipliedReportingOverflow(by: self.workers).overflow
                || bytes * self.workers > self.limit.bytes
        else { return nil }
        let fitting = self.limit.bytes / self.workers
        return Problem(
            text:
                "\(self.workers) workers may grow to \(StatusReport.bytes(bytes)) each (PARANOID_WORKER_MEMORY; one of them is a successor), and "
                + "\(StatusReport.bytes(self.limit.bytes)) are allowed together: the kernel kills one before it is replaced",
            change: fitting >= UsableMemory.bytesPerWorker
                ? "PARANOID_WORKER_MEMORY=\(fitting)" : "PARANOID_WORKERS=\(self.fittingWorkers), or a higher limit of memory"
        )
    }

    /// What there is too little of for each worker.
    var share: Problem? {
        guard !self.isAlone, self.limit.bytes / self.workers < UsableMemory.bytesPerWorker / 2, self.workers > 3 else { return nil }
        return Problem(
            text: "\(self.workers - 1) workers and a successor share \(StatusReport.bytes(self.limit.bytes)) of memory",
            change: "PARANOID_WORKERS=\(self.fittingWorkers), or a higher limit of memory"
        )
    }

    /// What is used already.
    ///
    /// - Parameter running: How many workers use it.
    func observed(running: Int) -> Problem? {
        guard let used = self.limit.used, running > 0 else { return nil }
        let expected = Double(used) * Double(max(running, self.isAlone ? 1 : self.workers - 1)) / Double(running)
        guard expected > 0.9 * Double(self.limit.bytes) else { return nil }
        let workers = running == 1 ? "1 worker uses" : "\(running) workers use"
        return Problem(
            text: "\(workers) \(StatusReport.bytes(used)) of the \(StatusReport.bytes(self.limit.bytes)) of memory that are allowed"
                + (expected > Double(used) ? ", and there may be \(self.workers - 1)" : ""),
            change:
                "PARANOID_WORKER_MEMORY=\(max(UsableMemory.bytesPerWorker, self.limit.bytes / self.workers)), fewer workers, or a higher limit"
        )
    }

    private var fittingWorkers: Int { max(1, self.limit.bytes / UsableMemory.bytesPerWorker - 1) }
}
