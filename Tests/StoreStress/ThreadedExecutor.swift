internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// Runs tasks on threads of its own, more of them than there are cores: the scheduler then interrupts them anywhere.
@safe final class ThreadedExecutor: TaskExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        var head = 0
    }

    private let queue = Mutex(Queue())
    private nonisolated(unsafe) let ready: UnsafeMutablePointer<sem_t>

    /// Starts the threads; they live as long as the process.
    init(threads: Int) throws {
        unsafe self.ready = .allocate(capacity: 1)
        unsafe sem_init(self.ready, 0, 0)
        for number in 0..<threads {
            _ = try Thread(name: "stress-\(number)") { self.run() }
        }
    }

    func enqueue(_ job: UnownedJob) {
        self.queue.withLock { $0.jobs.append(job) }
        unsafe sem_post(self.ready)
    }

    private func run() {
        while true {
            while unsafe sem_wait(self.ready) != 0 {}
            let job = self.queue.withLock { queue -> UnownedJob in
                let job = queue.jobs[queue.head]
                queue.head += 1
                if queue.head == queue.jobs.count {
                    queue.jobs.removeAll(keepingCapacity: true)
                    queue.head = 0
                }
                return job
            }
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
