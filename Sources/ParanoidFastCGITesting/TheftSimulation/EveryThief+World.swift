internal import ParanoidSessions

// What makes no difference to the rule is the same in all worlds that differ in nothing else.
extension EveryThief.World {
    /// The number of a value of which any number can be held, as none was ever shown.
    private static let unshown: UInt64 = 1000
    /// The number of a value of which nothing counts but that it is not another one.
    private static let other: UInt64 = 2000
    private static let settledBefore: UInt64 = 3000
    private static let present: UInt32 = 1000

    /// The world without the time, the numbers of generations and values, and what is too long ago to count.
    func normal(_ search: EveryThief) -> EveryThief.World {
        var world = self
        world.moveTimes(search)
        world.nameValues()
        return world
    }

    // MARK: Times

    private mutating func moveTimes(_ search: EveryThief) {
        let step = EveryThief.step.wholeNanoseconds
        // Times of giving are rounded to eighths of D.
        let eighth = search.bounds.delay.wholeNanoseconds / 8
        let grid = step / Self.divisor(step, eighth) * eighth
        let offset = grid * 10_000 - (self.now.nanosecondsSinceEpoch / grid) * grid
        let now = self.now
        let longAgo = now.advanced(by: EveryThief.step * -(search.hold + 2 * search.delay + 1))
        func moved(_ time: Timestamp) -> Timestamp { max(time, longAgo).advanced(by: .nanoseconds(offset)) }
        self.now = moved(now)
        self.chain.beganAt = moved(self.chain.beganAt)
        self.chain.sentAt = moved(self.chain.sentAt)
        self.chain.nextSentAt = self.chain.nextSentAt.map(moved)
        if self.chain.settled != nil { self.chain.shown = [] }
        for index in self.chain.shown.indices {
            self.chain.shown[index].firstAt = moved(self.chain.shown[index].firstAt)
            self.chain.shown[index].lastPossibleAt = self.chain.shown[index].lastPossibleAt.map(moved)
        }
        let old = now.advanced(by: EveryThief.step * -(search.hold + search.delay))
        while let oldest = self.chain.left.first, oldest.at < old {
            self.chain.forgottenAt = oldest.at
            self.chain.left.removeFirst()
        }
        if let forgotten = self.chain.forgottenAt, forgotten < old { self.chain.forgottenAt = nil }
        self.chain.forgottenAt = self.chain.forgottenAt.map(moved)
        for index in self.chain.left.indices {
            self.chain.left[index].at = moved(self.chain.left[index].at)
            self.chain.left[index].sentAt = moved(self.chain.left[index].sentAt)
        }
        self.chain.rounds.count = min(self.chain.rounds.count, 1)
        self.chain.rounds.lastAt = self.chain.rounds.lastAt.map(moved)
        if let held = self.held {
            self.held?.arrivedAt = moved(held.arrivedAt)
            self.held?.givesUntil = held.givesUntil.flatMap { $0 < now ? nil : moved($0) }
        }
    }

    private static func divisor(_ first: Int64, _ second: Int64) -> Int64 { second == 0 ? first : self.divisor(second, first % second) }

    // MARK: Values

    private mutating func nameValues() {
        let before = self
        let shift = Self.present &- self.chain.generation
        let shown = self.chain.shown.sorted { first, second in
            let isFirstOwners = first.number == before.owner.number
            let isSecondOwners = second.number == before.owner.number
            if isFirstOwners != isSecondOwners { return isFirstOwners }
            if first.firstAt != second.firstAt { return first.firstAt < second.firstAt }
            return (first.lastPossibleAt ?? .distantFuture) < (second.lastPossibleAt ?? .distantFuture)
        }
        func name(_ value: RotationChain.Value) -> RotationChain.Value {
            let generation = value.generation &+ shift
            if value.generation > before.chain.generation {
                let isOwners = value == before.owner
                return RotationChain.Value(generation: generation, number: isOwners ? 1 : Self.unshown)
            }
            if value.generation == before.chain.generation {
                if value.number == before.chain.settled { return RotationChain.Value(generation: generation, number: 1) }
                if let index = shown.firstIndex(where: { $0.number == value.number }) {
                    return RotationChain.Value(generation: generation, number: UInt64(index) + 2)
                }
                if value == before.owner { return RotationChain.Value(generation: generation, number: 500) }
                return RotationChain.Value(generation: generation, number: before.chain.settled == nil ? Self.unshown : Self.other)
            }
            guard let left = before.chain.left.first(where: { $0.generation == value.generation }) else {
                return RotationChain.Value(generation: 0, number: 0)
            }
            return RotationChain.Value(generation: generation, number: left.settled == value.number ? Self.settledBefore : Self.other)
        }
        self.owner = name(self.owner)
        self.thief = Set(self.thief.map(name))
        if let held = self.held { self.held?.value = name(held.value) }
        self.chain.settled = self.chain.settled.map { _ in 1 }
        self.chain.shown = shown
        for index in shown.indices { self.chain.shown[index].number = UInt64(index) + 2 }
        self.chain.generation = Self.present
        for index in self.chain.left.indices {
            self.chain.left[index].generation &+= shift
            self.chain.left[index].settled = self.chain.left[index].settled.map { _ in Self.settledBefore }
        }
    }
}

extension EveryThief {
    /// What leads where, a step at a time.
    struct Graph {
        /// For how many steps a thief is served from a world on.
        enum Served {
            case never
            case after(Int)
            case always
        }

        private var isServed: [Bool] = []
        private var successors: [[Int32]] = []

        mutating func add(isServed: Bool, successors: [Int]) {
            self.isServed.append(isServed)
            self.successors.append(successors.map { Int32($0) })
        }

        /// For each world, the steps to the last one in which a thief can be served.
        ///
        /// Worlds from which one comes back to them form a group (Tarjan's strongly connected components); groups are found last first.
        func lastServed() -> [Served] {
            let count = self.isServed.count
            var index = [Int32](repeating: -1, count: count)
            var low = [Int32](repeating: 0, count: count)
            var isOpen = [Bool](repeating: false, count: count)
            var stack: [Int32] = []
            var served = [Served](repeating: .never, count: count)
            var number: Int32 = 0
            for root in 0..<count where index[root] < 0 {
                var path: [(node: Int, next: Int)] = [(root, 0)]
                while let (node, next) = path.last {
                    if next == 0 {
                        index[node] = number
                        low[node] = number
                        number += 1
                        stack.append(Int32(node))
                        isOpen[node] = true
                    }
                    if next < self.successors[node].count {
                        path[path.count - 1].next += 1
                        let successor = Int(self.successors[node][next])
                        if index[successor] < 0 {
                            path.append((successor, 0))
                        } else if isOpen[successor] {
                            low[node] = min(low[node], index[successor])
                        }
                        continue
                    }
                    path.removeLast()
                    if let parent = path.last?.node { low[parent] = min(low[parent], low[node]) }
                    if low[node] == index[node] { self.close(node, &stack, &isOpen, &served) }
                }
            }
            return served
        }

        private func close(_ root: Int, _ stack: inout [Int32], _ isOpen: inout [Bool], _ served: inout [Served]) {
            var group: [Int] = []
            while let node = stack.popLast() {
                isOpen[Int(node)] = false
                group.append(Int(node))
                if Int(node) == root { break }
            }
            let members = Set(group)
            var isServed = false
            var comesBack = false
            var last = -1
            var isAlways = false
            for node in group {
                isServed = isServed || self.isServed[node]
                for successor in self.successors[node] {
                    if members.contains(Int(successor)) {
                        comesBack = true
                    } else {
                        switch served[Int(successor)] {
                        case .never: break
                        case .after(let steps): last = max(last, steps + 1)
                        case .always: isAlways = true
                        }
                    }
                }
            }
            let whole: Served
            if isAlways || (comesBack && (isServed || last >= 0)) {
                whole = .always
            } else if last >= 0 || isServed {
                whole = .after(max(last, 0))
            } else {
                whole = .never
            }
            for node in group { served[node] = whole }
        }
    }
}
