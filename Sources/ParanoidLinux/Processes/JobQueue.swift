internal import Glibc
internal import Synchronization

/// The ready jobs of one task executor, and what wakes its threads out of their ``Epoll``.
///
/// All jobs are in one queue, first in, first out. A job from outside wakes a sleeping thread. A job that a thread of the queue adds is most
/// likely run by that thread as soon as its present job suspends or ends, which is much cheaper than to wake another one; only if it does
/// not come to that within a millisecond, because the present job computes or blocks, others are called. The first job of a task that a
/// thread starts in order to run it at once never enters the queue (``capture(_:)``).
package final class JobQueue: Sendable {
    private struct Ring {
        var jobs: [UnownedJob?] = Array(repeating: nil, count: 64)
        var head = 0
        var count = 0
        var isClosed = false

        mutating func append(_ job: UnownedJob) {
            if self.count == self.jobs.count {
                let ordered = (0..<self.count).map { self.jobs[(self.head + $0) & (self.jobs.count - 1)] }
                self.jobs = ordered + Array(repeating: nil, count: self.count)
                self.head = 0
            }
            self.jobs[(self.head + self.count) & (self.jobs.count - 1)] = job
            self.count += 1
        }

        mutating func popFirst() -> UnownedJob? {
            guard self.count > 0 else { return nil }
            let job = self.jobs[self.head]
            self.jobs[self.head] = nil
            self.head = (self.head + 1) & (self.jobs.count - 1)
            self.count -= 1
            return job
        }
    }

    /// What one thread of the executor keeps for itself.
    private struct ThreadSlot {
        let queue: ObjectIdentifier
        var isCapturing = false
        var job: UnownedJob?
    }

    /// One key for the process: a thread belongs to one queue at most.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        precondition(unsafe pthread_key_create(&key, nil) == 0, "pthread_key_create(3) failed")
        return key
    }()

    /// Positive while a thread is called for.
    package let wakeUp: EventFD
    /// Goes off when a job that a thread has added for itself may have waited too long.
    package let helpTimer: TimerFD

    private let ring = Mutex(Ring())
    private let ready = Atomic<Int>(0)
    private let sleeping = Atomic<Int>(0)
    private let isWakingUp = Atomic<Bool>(false)
    private let isTimerRunning = Atomic<Bool>(false)

    /// Microseconds after which a thread that has not come to a job it has added itself gets help.
    private static let timeout: Int64 = 1000

    /// Creates an empty queue.
    package init() throws(SystemCallError) {
        self.wakeUp = try EventFD()
        self.helpTimer = try TimerFD()
    }

    /// Whether no job waits; a hint, as other threads go on.
    package var isEmpty: Bool { self.ready.load(ordering: .sequentiallyConsistent) == 0 }

    /// How many jobs wait, and how many threads wait for one or for an event; hints.
    package var readyJobs: Int { max(0, self.ready.load(ordering: .relaxed)) }
    package var sleepingThreads: Int { self.sleeping.load(ordering: .relaxed) }

    /// Adds a job and wakes a sleeping thread, if there is one.
    ///
    /// Any thread may call it.
    ///
    /// - Returns: False after ``close()``: the caller has to run the job elsewhere.
    package func enqueue(_ job: UnownedJob) -> Bool {
        var isOwnThread = false
        if let slot = unsafe Self.currentSlot, unsafe slot.pointee.queue == ObjectIdentifier(self) {
            if unsafe slot.pointee.isCapturing {
                unsafe slot.pointee.isCapturing = false
                unsafe slot.pointee.job = job
                return true
            }
            isOwnThread = true
        }
        let isOpen = self.ring.withLock { ring in
            guard !ring.isClosed else { return false }
            ring.append(job)
            return true
        }
        guard isOpen else { return false }
        self.ready.add(1, ordering: .sequentiallyConsistent)
        if isOwnThread {
            if self.sleeping.load(ordering: .sequentiallyConsistent) > 0 { self.callForHelpLater() }
        } else {
            self.callForHelp()
        }
        return true
    }

    /// Takes the job that has waited longest, and calls another thread if more are waiting.
    package func next() -> UnownedJob? {
        guard !self.isEmpty, let job = self.ring.withLock({ $0.popFirst() }) else { return nil }
        if self.ready.subtract(1, ordering: .sequentiallyConsistent).newValue > 0 {
            self.callForHelp()
        }
        return job
    }

    /// Runs `body`, which may start a task on this queue's executor, and keeps that task's first job out of the queue.
    ///
    /// - Returns: The result, and the job for the calling thread to run.
    package func capture<Result>(_ body: () -> Result) -> (Result, UnownedJob?) {
        guard let slot = unsafe Self.currentSlot else { return (body(), nil) }
        unsafe slot.pointee.isCapturing = true
        let result = body()
        unsafe slot.pointee.isCapturing = false
        let job = unsafe slot.pointee.job
        unsafe slot.pointee.job = nil
        return (result, job)
    }

    /// Waits in `poll` for an event, or for nothing if jobs are waiting; further events as in ``Epoll/wait(milliseconds:atMost:others:)``.
    package func waitForEvent(in poll: borrowing Epoll, atMost limit: Int = 1, others: (Epoll.Event) -> Void = { _ in }) -> Epoll.Event? {
        // Counting oneself as asleep before looking for jobs, where others add a job before looking for sleepers, loses no call.
        self.sleeping.add(1, ordering: .sequentiallyConsistent)
        let event = poll.wait(milliseconds: self.isEmpty ? -1 : 0, atMost: limit, others: others)
        self.sleeping.subtract(1, ordering: .sequentiallyConsistent)
        return event
    }

    /// Acknowledges the event of ``wakeUp``; jobs added from now on call again.
    package func acknowledgeWakeUp() {
        self.wakeUp.consume()
        self.isWakingUp.store(false, ordering: .sequentiallyConsistent)
    }

    /// Acknowledges the event of ``helpTimer``; the caller looks for jobs now.
    package func acknowledgeHelpTimer() {
        self.helpTimer.acknowledge()
        self.isTimerRunning.store(false, ordering: .sequentiallyConsistent)
    }

    /// Makes the calling thread one of this queue's; it has to ``leave()`` before it ends.
    package func join() {
        let slot = UnsafeMutablePointer<ThreadSlot>.allocate(capacity: 1)
        unsafe slot.initialize(to: ThreadSlot(queue: ObjectIdentifier(self)))
        unsafe pthread_setspecific(Self.key, slot)
    }

    /// Undoes ``join()``.
    package func leave() {
        guard let slot = unsafe Self.currentSlot else { return }
        pthread_setspecific(Self.key, nil)
        unsafe slot.deinitialize(count: 1)
        unsafe slot.deallocate()
    }

    /// Tells the calling thread apart from the other threads of queues; `nil` if it is none.
    package static var threadMark: UInt? {
        unsafe Self.currentSlot.map { UInt(bitPattern: $0) }
    }

    /// Refuses further jobs and gives up those still waiting.
    package func close() -> [UnownedJob] {
        self.ring.withLock { ring in
            ring.isClosed = true
            var rest: [UnownedJob] = []
            while let job = ring.popFirst() {
                rest.append(job)
            }
            return rest
        }
    }

    private static var currentSlot: UnsafeMutablePointer<ThreadSlot>? {
        unsafe pthread_getspecific(Self.key)?.assumingMemoryBound(to: ThreadSlot.self)
    }

    /// At most one call is under way at a time; the thread that answers it makes the next.
    private func callForHelp() {
        guard self.sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
        guard !self.isWakingUp.exchange(true, ordering: .sequentiallyConsistent) else { return }
        self.wakeUp.signal()
    }

    /// Has a thread woken in a millisecond, for what the calling thread will most likely have done by then.
    ///
    /// The timer runs at most once a millisecond, whatever comes; a thread that sleeps then takes what it finds.
    package func callForHelpLater() {
        guard !self.isTimerRunning.exchange(true, ordering: .sequentiallyConsistent) else { return }
        self.helpTimer.start(microseconds: Self.timeout)
    }
}
