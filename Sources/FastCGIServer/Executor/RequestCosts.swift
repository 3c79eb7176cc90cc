internal import ParanoidLinux
internal import Synchronization

/// How long the handlers of requests have taken lately, by path.
///
/// A guess for the order in which requests are served, and for nothing else: paths that share a place, by chance or on purpose, only share
/// their guess. Threads write at the same time, and a lost sample does no harm.
final class RequestCosts: Sendable {
    private static let places = 256
    /// Requests that take less are never dear: to put them off would cost as much.
    private static let least: UInt64 = 20 * RequestCosts.unit
    /// Microseconds of requests whose events are taken at once.
    private static let timeAtOnce: UInt64 = 80 * RequestCosts.unit
    /// The parts of a microsecond in which averages are kept: with whole ones, an average would not follow samples that are a little less.
    private static let unit: UInt64 = 64

    private let costs = InlineArray<256, Atomic<UInt64>> { _ in Atomic(0) }
    private let mean = Atomic<UInt64>(0)

    /// The place of a request target; what follows a question mark does not count.
    static func place(of target: RawSpan) -> Int {
        // FNV-1a
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for offset in 0..<min(target.byteCount, 64) {
            let byte = target.byte(at: offset)
            if byte == UInt8(ascii: "?") { break }
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return Int((hash ^ hash >> 32) % UInt64(Self.places))
    }

    /// Notes how long the handler of a request at a place has taken.
    func note(_ place: Int, microseconds: Int64) {
        let sample = UInt64(UInt32(clamping: max(1, microseconds))) * Self.unit
        self.costs[place].store(Self.moved(self.costs[place].load(ordering: .relaxed), to: sample, by: 16), ordering: .relaxed)
        self.mean.store(Self.moved(self.mean.load(ordering: .relaxed), to: sample, by: 64), ordering: .relaxed)
    }

    /// Whether the requests at a place take clearly longer than most.
    func isDear(_ place: Int) -> Bool {
        let cost = self.costs[place].load(ordering: .relaxed)
        let mean = self.mean.load(ordering: .relaxed)
        return cost > Self.least && cost > mean &+ mean / 4
    }

    /// How many events a thread may take at once: as many as requests are done in the time that it takes to call another thread.
    var eventsAtOnce: Int {
        let mean = self.mean.load(ordering: .relaxed)
        return mean == 0 ? 1 : max(1, min(Epoll.mostEvents, Int(Self.timeAtOnce / mean)))
    }

    /// A part of the way towards a sample; one that is far off, as of a thread that had to wait for its processor, counts for less.
    private static func moved(_ average: UInt64, to sample: UInt64, by part: UInt64) -> UInt64 {
        guard average > 0 else { return sample }
        let sample = min(sample, average * 4 + Self.least)
        return sample >= average ? average + (sample - average + part - 1) / part : average - (average - sample) / part
    }
}

/// Dear requests that wait while cheaper ones are served; their handlers have not begun.
///
/// When all threads are busy, a queue in the order of arrival makes the response to a short request wait for all the long ones before it.
/// So a request that is known to take long lets others pass, but only so many: it waits longer by a bounded factor and is never forgotten.
final class DeferredRequests: Sendable {
    /// How many requests may pass before one that waits has its turn.
    static let turn = 16

    private let queue = Mutex<[FastCGIConnection]>([])
    private let count = Atomic<Int>(0)
    private let passed = Atomic<Int>(0)

    /// Whether none waits.
    var isEmpty: Bool { self.count.load(ordering: .sequentiallyConsistent) == 0 }

    /// Has a request wait.
    func append(_ connection: FastCGIConnection) {
        self.queue.withLock { $0.append(connection) }
        self.count.add(1, ordering: .sequentiallyConsistent)
    }

    /// A request is served before those that wait.
    func pass() {
        if !self.isEmpty { self.passed.add(1, ordering: .relaxed) }
    }

    /// The request that has waited longest, if enough others have passed.
    func due() -> FastCGIConnection? {
        self.passed.load(ordering: .relaxed) >= Self.turn ? self.next() : nil
    }

    /// The request that has waited longest.
    func next() -> FastCGIConnection? {
        guard !self.isEmpty, let connection = self.queue.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return nil }
        self.count.subtract(1, ordering: .sequentiallyConsistent)
        self.passed.store(0, ordering: .relaxed)
        return connection
    }
}

/// Events that were reported together with another one, in their order; the next thread that comes round takes the next.
final class ReportedEvents: Sendable {
    private struct Ring {
        var events: [Epoll.Event] = []
        var first = 0
    }

    private let ring = Mutex(Ring())
    private let count = Atomic<Int>(0)

    /// Whether there is none.
    var isEmpty: Bool { self.count.load(ordering: .sequentiallyConsistent) == 0 }

    /// Adds an event.
    func append(_ event: Epoll.Event) {
        self.ring.withLock { $0.events.append(event) }
        self.count.add(1, ordering: .sequentiallyConsistent)
    }

    /// Takes the event that was reported first; `nil` also while another thread takes one, as no thread waits for another here.
    func next() -> Epoll.Event? {
        guard !self.isEmpty else { return nil }
        let taken = self.ring.withLockIfAvailable { ring -> Epoll.Event? in
            guard ring.first < ring.events.count else { return nil }
            let event = ring.events[ring.first]
            ring.first += 1
            if ring.first == ring.events.count {
                ring.events.removeAll(keepingCapacity: true)
                ring.first = 0
            }
            self.count.subtract(1, ordering: .sequentiallyConsistent)
            return event
        }
        return taken ?? nil
    }
}
