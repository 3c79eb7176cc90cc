/// Events in the order of their times; those of one time in the order in which they were added.
struct EventQueue<Event> {
    private var heap: [(time: Double, order: Int, event: Event)] = []
    private var count = 0

    mutating func add(_ event: Event, at time: Double) {
        self.count += 1
        self.heap.append((time, self.count, event))
        var child = self.heap.count - 1
        while child > 0, self.precedes(child, (child - 1) / 2) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: Double, event: Event)? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        return (first.time, first.event)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count && self.precedes(child, least) { least = child }
            if least == parent { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ first: Int, _ second: Int) -> Bool {
        (self.heap[first].time, self.heap[first].order) < (self.heap[second].time, self.heap[second].order)
    }
}
