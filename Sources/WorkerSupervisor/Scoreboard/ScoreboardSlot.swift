import ParanoidLinux

/// What one worker says about itself on the ``Scoreboard``.
package struct ScoreboardSlot: Sendable {
    /// What others may expect of the worker.
    package enum State: UInt64, Sendable {
        /// There is no worker, or it is not ready yet.
        case absent = 0
        /// It serves and takes connections that others hand off.
        case serving = 1
        /// It finishes what it has.
        case draining = 2
    }

    /// Two cache lines; the last of them belongs to both generations.
    static let wordCount = 16

    private enum Word: Int {
        case state, heartbeat, signOfLife, openConnections, servedRequests, runningRequests, demand, capacity
    }

    private let page: SharedMemory
    private let first: Int
    private let arrivingWord: Int

    init(page: SharedMemory, first: Int, arriving: Int) {
        self.page = page
        self.first = first
        self.arrivingWord = arriving
    }

    /// What others may expect.
    package var state: State {
        get { State(rawValue: self[.state]) ?? .absent }
        nonmutating set { self[.state] = newValue.rawValue }
    }

    /// Grows as long as threads of the worker come round.
    package var heartbeat: UInt64 { self[.heartbeat] }
    /// When it grew last (`CoarseClock.now()`).
    package var lastSignOfLife: Int64 { Int64(bitPattern: self[.signOfLife]) }
    /// Connections that the worker has open.
    package var openConnections: Int { Self.count(self[.openConnections]) }
    /// Requests that the worker has begun to serve, as of its last heartbeat.
    package var servedRequests: Int { Self.count(self[.servedRequests]) }
    /// Requests that run or wait.
    package var runningRequests: Int { Self.count(self[.runningRequests]) }
    /// The sums over all samples so far of threads that were wanted, and of threads there are.
    package var load: (demand: UInt64, capacity: UInt64) { (self[.demand], self[.capacity]) }
    /// Connections on their way to the slot's worker.
    package var arriving: Int { Self.count(self.page.load(self.arrivingWord)) }

    /// Raises the heartbeat.
    package func raiseHeartbeat(now: Int64, servedRequests: Int) {
        self[.servedRequests] = UInt64(servedRequests)
        self[.signOfLife] = UInt64(bitPattern: now)
        self.page.add(1, at: self.first + Word.heartbeat.rawValue)
    }

    /// Says how many requests were begun.
    package func set(servedRequests: Int) {
        self[.servedRequests] = UInt64(max(0, servedRequests))
    }

    /// Counts a request that has begun (1) or is over (-1).
    package func addRunningRequests(_ change: Int) {
        self.page.add(UInt64(bitPattern: Int64(change)), at: self.first + Word.runningRequests.rawValue)
    }

    /// Adds a sample of how busy the worker's threads are.
    package func addSample(demand: Int, threads: Int) {
        self.page.add(UInt64(max(0, demand)), at: self.first + Word.demand.rawValue)
        self.page.add(UInt64(max(0, threads)), at: self.first + Word.capacity.rawValue)
    }

    /// Counts a connection that was opened (1) or closed (-1).
    package func addOpenConnections(_ change: Int) {
        self.page.add(UInt64(bitPattern: Int64(change)), at: self.first + Word.openConnections.rawValue)
    }

    /// Counts a connection that was sent to the slot (1), or has arrived or could not be sent after all (-1).
    package func addArriving(_ change: Int) {
        self.page.add(UInt64(bitPattern: Int64(change)), at: self.arrivingWord)
    }

    /// Nothing is on its way: puts right what senders that were killed have counted.
    package func nothingArriving() {
        self.page.store(0, at: self.arrivingWord)
    }

    /// Forgets what the worker has said.
    package func clear() {
        for word in 0..<(Self.wordCount - 1) { self.page.store(0, at: self.first + word) }
    }

    private subscript(_ word: Word) -> UInt64 {
        get { self.page.load(self.first + word.rawValue) }
        nonmutating set { self.page.store(newValue, at: self.first + word.rawValue) }
    }

    /// A count that was corrected while a process counted may be below zero for a moment.
    private static func count(_ word: UInt64) -> Int { max(0, Int(Int64(bitPattern: word))) }
}
