internal import ParanoidSessions

/// Every thief there is in a small world: a search over all that the holder of a copied jar can do, with the rule itself.
///
/// Time goes in steps. The owner asks by a schedule that comes round again, takes each response at once, or never gets some of them. The thief
/// has copied the jar at some step, sees all that the server stores, and does any number of these in each step, before the owner or after:
/// show any value they hold and keep what it brings, in any number; leave what it brings; hold a request back before it is judged, and hold its
/// response back.
///
/// A world is what the server stores and the parties hold, less what makes no difference: the time itself, the numbers of values and
/// generations. So there are finitely many, all are looked at, and the answer holds for all times: a thief survives if a world in which they are
/// served can be reached from one that comes back.
package struct EveryThief {
    /// One request of the owner: so many steps after the one before, and whether its response arrives.
    package struct Ask: Sendable, Hashable {
        package var gap: Int
        package var isAnswered: Bool

        package init(_ gap: Int, isAnswered: Bool = true) {
            self.gap = gap
            self.isAnswered = isAnswered
        }
    }

    /// What was found.
    package struct Figures: Sendable {
        /// Different worlds at the beginning of a step.
        package var worlds = 0
        /// Requests and responses that were played.
        package var moves = 0
        /// Whether some thief is served for ever.
        package var survives = false
        /// The steps from the owner's first request after the copy to the last step in which a thief can be served; negative: before it.
        package var lastServed = Int.min
        /// Whether the search was broken off, as there were too many worlds.
        package var isCut = false
    }

    /// The steps in D.
    package var delay: Int
    /// How many different values of one generation the thief shows before the jar has settled.
    package var values: Int
    /// The steps for which the thief holds a request back, before it is judged or after; 0: not at all.
    package var hold: Int
    /// The owner's schedule.
    package var owner: [Ask]
    /// More worlds are not looked at.
    package var maximumWorlds = 6_000_000

    package init(delay: Int, values: Int, hold: Int, owner: [Ask]) {
        self.delay = delay
        self.values = values
        self.hold = hold
        self.owner = owner
    }

    /// A request that the thief holds open.
    struct Held: Hashable {
        var value: RotationChain.Value
        var arrivedAt: Timestamp
        /// What was found when it was judged; `nil` while its body is still on its way.
        var isLate: Bool?
        /// Until when its response gives a value by what was read then, without another look.
        var givesUntil: Timestamp?
    }

    struct World: Hashable {
        var now: Timestamp
        var chain: RotationChain
        var owner: RotationChain.Value
        /// Which of the owner's requests comes next, and in how many steps.
        var turn: Int
        var left: Int
        var thief: Set<RotationChain.Value>
        var held: Held?
    }

    static let step = Duration.seconds(1)
    var bounds: RotationChain.Bounds {
        RotationChain.Bounds(delay: Self.step * self.delay, timeout: .zero, hold: Self.step * max(self.hold, self.delay))
    }

    // MARK: Search

    /// Looks at all worlds.
    package func run() -> Figures {
        var figures = Figures()
        var graph = Graph()
        var known: [World: Int] = [:]
        var order: [World] = []
        func number(_ world: World) -> Int {
            let world = world.normal(self)
            if let index = known[world] { return index }
            known[world] = order.count
            order.append(world)
            return order.count - 1
        }
        let starts = self.starts().map { (index: number($0), until: $0.left) }
        var next = 0
        while next < order.count {
            if order.count > self.maximumWorlds {
                figures.isCut = true
                return figures
            }
            let outcome = self.play(order[next], &figures.moves)
            graph.add(isServed: outcome.isServed, successors: outcome.worlds.map(number))
            next += 1
        }
        figures.worlds = order.count
        let last = graph.lastServed()
        for start in starts {
            switch last[start.index] {
            case .never: break
            case .after(let steps): figures.lastServed = max(figures.lastServed, steps - start.until)
            case .always: figures.survives = true
            }
        }
        return figures
    }

    /// The worlds at whose beginning the jar is copied: each step of the owner's schedule, gone through until the chain is under way.
    private func starts() -> [World] {
        let first = RotationChain.Value(generation: 0, number: 1)
        var chain = RotationChain(at: Timestamp(nanosecondsSinceEpoch: 0))
        _ = chain.show(first, at: chain.beganAt, self.bounds)
        var world = World(now: chain.beganAt, chain: chain, owner: first, turn: 0, left: self.owner[0].gap, thief: [], held: nil)
        var found: Set<World> = []
        let round = self.owner.reduce(0) { $0 + $1.gap }
        let warming = 8 * self.delay + 4 * round
        for step in 0..<warming + round + 6 * self.delay {
            if step >= warming || step < round {
                var copied = world
                copied.thief = [world.owner]
                found.insert(copied)
            }
            guard let after = self.owner(world) else { fatalError("an owner alone is no thief") }
            world = self.later(after)
        }
        return Array(found)
    }

    /// All that can happen in one step.
    private func play(_ world: World, _ moves: inout Int) -> (worlds: Set<World>, isServed: Bool) {
        var isServed = false
        var ends: Set<World> = []
        for before in self.thief(world, &moves, &isServed) {
            guard let after = self.owner(before) else { continue }
            if before.left > 0 {
                ends.insert(self.later(after))
            } else {
                for end in self.thief(after, &moves, &isServed) { ends.insert(self.later(end)) }
            }
        }
        return (ends, isServed)
    }

    private func later(_ world: World) -> World {
        var world = world
        world.now = world.now.advanced(by: Self.step)
        world.left -= 1
        if let held = world.held, held.arrivedAt.advanced(by: Self.step * self.hold) < world.now { world.held = nil }
        return world
    }

    /// The world after the owner's request, if it is due; `nil`: the theft is proven.
    private func owner(_ world: World) -> World? {
        guard world.left == 0 else { return world }
        var after = world
        var judged = world.chain
        let verdict = judged.show(world.owner, at: world.now, self.bounds)
        if verdict == .reuse { return nil }
        let exchange = RotationChain.Exchange(world.owner, arrivedAt: world.now, isLate: verdict == .late)
        if after.chain.complete(exchange, at: world.now, self.bounds), self.owner[world.turn].isAnswered {
            after.owner = RotationChain.Value(generation: after.chain.generation + 1, number: self.newNumber(world))
        }
        after.turn = (world.turn + 1) % self.owner.count
        after.left = self.owner[after.turn].gap
        return after
    }

    /// The worlds that the thief's requests lead to, this one among them.
    private func thief(_ world: World, _ moves: inout Int, _ isServed: inout Bool) -> Set<World> {
        let world = world.normal(self)
        var found: Set<World> = [world]
        var open = [world]
        while let world = open.popLast() {
            for each in self.moves(world, &isServed) {
                moves += 1
                let after = each.normal(self)
                if found.insert(after).inserted { open.append(after) }
            }
        }
        return found
    }

    private func moves(_ world: World, _ isServed: inout Bool) -> [World] {
        var after: [World] = []
        for value in world.thief {
            guard self.isAllowed(value, world) else { continue }
            var judged = world.chain
            let verdict = judged.show(value, at: world.now, self.bounds)
            if self.hold > 0, world.held == nil {
                var opened = world
                opened.held = Held(value: value, arrivedAt: world.now)
                after.append(opened)
            }
            guard verdict != .reuse else { continue }
            isServed = true
            after += self.respond(world, value, arrivedAt: world.now, isLate: verdict == .late)
            if self.hold > 0, world.held == nil {
                var waiting = world
                waiting.held = self.held(value, arrivedAt: world.now, isLate: verdict == .late, world)
                after.append(waiting)
            }
        }
        if let held = world.held { after += self.moves(of: held, world, &isServed) }
        return after
    }

    private func held(_ value: RotationChain.Value, arrivedAt: Timestamp, isLate: Bool, _ world: World) -> Held {
        var held = Held(value: value, arrivedAt: arrivedAt, isLate: isLate)
        guard let until = world.chain.nextSentAt, world.now <= until else { return held }
        var read = world.chain
        let exchange = RotationChain.Exchange(value, arrivedAt: arrivedAt, isLate: isLate)
        if read.complete(exchange, at: world.now, self.bounds), read == world.chain { held.givesUntil = until }
        return held
    }

    /// What the thief can do with a request that they hold open; what they begin and never end makes no difference.
    private func moves(of held: Held, _ world: World, _ isServed: inout Bool) -> [World] {
        var free = world
        free.held = nil
        var after = [free]
        guard let isLate = held.isLate else {
            var judged = world.chain
            let verdict = judged.show(held.value, at: held.arrivedAt, self.bounds)
            if verdict == .reuse { return after }
            isServed = true
            after += self.respond(free, held.value, arrivedAt: held.arrivedAt, isLate: verdict == .late)
            var waiting = world
            waiting.held = self.held(held.value, arrivedAt: held.arrivedAt, isLate: verdict == .late, world)
            after.append(waiting)
            return after
        }
        isServed = true
        after += self.respond(free, held.value, arrivedAt: held.arrivedAt, isLate: isLate)
        if let until = held.givesUntil, world.now <= until {
            free.thief.insert(RotationChain.Value(generation: held.value.generation + 1, number: self.newNumber(world)))
            after.append(free)
        }
        return after
    }

    private func respond(_ world: World, _ value: RotationChain.Value, arrivedAt: Timestamp, isLate: Bool) -> [World] {
        var after = world
        let exchange = RotationChain.Exchange(value, arrivedAt: arrivedAt, isLate: isLate)
        let isNew = value != world.owner && value.generation >= world.chain.generation && self.isUnshown(value, world)
        if after.chain.complete(exchange, at: world.now, self.bounds) {
            after.thief.insert(RotationChain.Value(generation: after.chain.generation + 1, number: self.newNumber(world)))
        }
        // Who was given one value of a generation may have been given any number of them.
        if isNew { after.thief.insert(RotationChain.Value(generation: value.generation, number: self.newNumber(after))) }
        return [after]
    }

    private func isUnshown(_ value: RotationChain.Value, _ world: World) -> Bool {
        value.generation > world.chain.generation
            || (world.chain.settled != value.number && !world.chain.shown.contains { $0.number == value.number })
    }

    private func isAllowed(_ value: RotationChain.Value, _ world: World) -> Bool {
        guard value.generation == world.chain.generation, self.isUnshown(value, world) else { return true }
        return world.chain.shown.count { $0.number != world.owner.number } < self.values
    }

    private func newNumber(_ world: World) -> UInt64 {
        var largest = max(world.owner.number, world.held?.value.number ?? 0, world.chain.settled ?? 0)
        for value in world.thief { largest = max(largest, value.number) }
        for shown in world.chain.shown { largest = max(largest, shown.number) }
        for left in world.chain.left { largest = max(largest, left.settled ?? 0) }
        return largest + 1
    }
}
