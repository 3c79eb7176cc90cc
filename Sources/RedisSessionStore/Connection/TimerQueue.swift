#if Redis
/// What is to be done later, the first due first, and of what is due at once the first added.
///
/// A heap: adding and taking cost the logarithm of the count. What is over before it is due leaves when the queue would grow, so the queue has
/// at most about twice as many jobs as are still to be done.
struct TimerQueue<Job> {
    private struct Entry {
        let due: Int64
        let number: UInt64
        let job: Job

        func comes(before other: Self) -> Bool { (self.due, self.number) < (other.due, other.number) }
    }

    private static var leastLimit: Int { 64 }

    private let isOver: (Job) -> Bool
    private var heap: [Entry] = []
    private var addedCount: UInt64 = 0
    /// At how many jobs those that are over leave.
    private var limit = Self.leastLimit

    /// - Parameter isOver: Whether a job need not be done any more.
    init(isOver: @escaping (Job) -> Bool) {
        self.isOver = isOver
    }

    var count: Int { self.heap.count }

    mutating func add(_ job: Job, due: Int64) {
        if self.heap.count >= self.limit {
            let isOver = self.isOver
            // What is in order is a heap.
            self.heap = self.heap.filter { !isOver($0.job) }.sorted { $0.comes(before: $1) }
            self.limit = max(Self.leastLimit, 2 * self.heap.count)
        }
        self.addedCount += 1
        self.heap.append(Entry(due: due, number: self.addedCount, job: job))
        var place = self.heap.count - 1
        while place > 0, self.heap[place].comes(before: self.heap[(place - 1) / 2]) {
            self.heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// When the first job is due; `nil` when there is none.
    mutating func due() -> Int64? {
        while let first = self.heap.first, self.isOver(first.job) { self.removeFirst() }
        return self.heap.first?.due
    }

    /// Takes the first job that is due; `nil` when there is none.
    mutating func take(dueAt now: Int64) -> Job? {
        guard let due = self.due(), due <= now else { return nil }
        return self.removeFirst()
    }

    /// Takes all jobs.
    mutating func takeAll() -> [Job] {
        defer { self.heap = [] }
        return self.heap.map(\.job)
    }

    @discardableResult
    private mutating func removeFirst() -> Job {
        self.heap.swapAt(0, self.heap.count - 1)
        let job = self.heap.removeLast().job
        var place = 0
        while true {
            var first = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < self.heap.count && self.heap[child].comes(before: self.heap[first]) { first = child }
            guard first != place else { return job }
            self.heap.swapAt(place, first)
            place = first
        }
    }
}
#endif
