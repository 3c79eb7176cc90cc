import Testing

@testable import ParanoidSessions

/// Every order in which requests can be sent, read by one server process, committed by another, and answered, to a depth.
///
/// A process reads the chain when a request arrives and commits over what is stored by then; in between another process may have
/// committed. Each step below is one event; waiting takes 3 or 7 seconds, and D is 6.
@Suite("Rotation in every order of events")
struct RotationInterleavingTests {
    private static let delay = 6
    private static let bounds = RotationChain.Bounds(delay: .seconds(6), timeout: .seconds(1))
    private static func time(_ seconds: Int) -> Timestamp { Timestamp(secondsSinceEpoch: Int64(seconds)) }

    private struct Request: Hashable {
        var value: RotationChain.Value
        var sentAt: Int
        /// When a process read the session for it; `nil` while it is under way.
        var arrivedAt: Int?
        /// Whether it was late by what that process read.
        var isLate = false
    }

    private struct Answer: Hashable {
        var value: RotationChain.Value
        var givenAt: Int
    }

    /// A jar of cookies with as many requests at a time as it has tabs.
    private struct Client: Hashable {
        var value: RotationChain.Value
        var tabs: Int
        var requests: [Request] = []
        var answers: [Answer] = []
    }

    private struct World: Hashable {
        var now = 100
        var chain: RotationChain
        var clients: [Client]
        var nextNumber: UInt64 = 2
        /// When values were first and last accepted as the jar's own.
        var firstAt: [RotationChain.Value: Int]
        var lastAt: [RotationChain.Value: Int]

        init(clients: [Client], value: RotationChain.Value) {
            var chain = RotationChain(at: time(0))
            _ = chain.show(value, at: time(0), bounds)
            self.chain = chain
            self.clients = clients
            self.firstAt = [value: 0]
            self.lastAt = [value: 0]
        }
    }

    private enum Outcome {
        case next(World)
        case proof
        case twoOwners
        case impossible
    }

    /// The events that can happen next.
    private static func steps(_ world: World) -> [Outcome] {
        var outcomes = [Self.wait(world, 3), Self.wait(world, 7)]
        for index in world.clients.indices {
            let client = world.clients[index]
            if client.requests.count < client.tabs {
                var sent = world
                sent.clients[index].requests.append(Request(value: client.value, sentAt: world.now))
                outcomes.append(.next(sent))
            }
            for request in client.requests.indices {
                outcomes.append(
                    client.requests[request].arrivedAt == nil ? Self.read(world, index, request) : Self.commit(world, index, request)
                )
            }
            for answer in client.answers.indices {
                var taken = world
                taken.clients[index].value = taken.clients[index].answers.remove(at: answer).value
                var lost = world
                lost.clients[index].answers.remove(at: answer)
                outcomes += [.next(taken), .next(lost)]
            }
        }
        return outcomes
    }

    private static func wait(_ world: World, _ seconds: Int) -> Outcome {
        var later = world
        later.now += seconds
        // What would be under way for longer than D does not exist.
        for client in later.clients {
            for request in client.requests where later.now - (request.arrivedAt ?? request.sentAt) > self.delay { return .impossible }
            for answer in client.answers where later.now - answer.givenAt > self.delay { return .impossible }
        }
        return .next(later)
    }

    private static func read(_ world: World, _ client: Int, _ request: Int) -> Outcome {
        var snapshot = world.chain
        let verdict = snapshot.show(world.clients[client].requests[request].value, at: self.time(world.now), self.bounds)
        if verdict == .reuse { return .proof }
        var after = world
        after.clients[client].requests[request].isLate = verdict == .late
        after.clients[client].requests[request].arrivedAt = world.now
        return .next(after)
    }

    private static func commit(_ world: World, _ client: Int, _ request: Int) -> Outcome {
        var after = world
        let served = after.clients[client].requests.remove(at: request)
        let arrivedAt = served.arrivedAt ?? world.now
        switch after.chain.show(served.value, at: self.time(arrivedAt), self.bounds) {
        case .reuse:
            // Judged once, when it arrived.
            after.chain = world.chain
            return .next(after)
        case .late: return .next(after)
        case .current: break
        }
        let first = min(after.firstAt[served.value] ?? arrivedAt, arrivedAt)
        after.firstAt[served.value] = first
        for (other, lastAt) in after.lastAt where other != served.value {
            let settled = max(first, after.firstAt[other] ?? 0) + self.delay
            if lastAt > settled && arrivedAt > settled { return .twoOwners }
        }
        after.lastAt[served.value] = max(after.lastAt[served.value] ?? 0, arrivedAt)
        if !served.isLate,
            after.chain.complete(
                .init(served.value, arrivedAt: self.time(arrivedAt), isLate: false),
                at: self.time(world.now),
                self.bounds
            )
        {
            let value = RotationChain.Value(generation: after.chain.generation + 1, number: after.nextNumber)
            after.nextNumber += 1
            after.clients[client].answers.append(Answer(value: value, givenAt: world.now))
        }
        return .next(after)
    }

    private struct Tally {
        var states = 0
        var proofs = 0
        var twoOwners = 0
    }

    private static func explore(_ start: World, depth: Int) -> Tally {
        var tally = Tally()
        // By layers, so that what can be reached in several ways is looked at once.
        var layer: Set<World> = [start]
        for _ in 0..<depth {
            var next: Set<World> = []
            for world in layer {
                for outcome in self.steps(world) {
                    switch outcome {
                    case .next(let world): next.insert(world)
                    case .proof: tally.proofs += 1
                    case .twoOwners: tally.twoOwners += 1
                    case .impossible: break
                    }
                }
            }
            tally.states += next.count
            layer = next
        }
        return tally
    }

    private static let start = RotationChain.Value(generation: 0, number: 1)

    @Test("one client with two tabs and two server processes never prove a theft, to a depth of 11 events")
    func oneClient() {
        let tally = Self.explore(World(clients: [Client(value: Self.start, tabs: 2)], value: Self.start), depth: 11)
        #expect(tally.proofs == 0 && tally.twoOwners == 0)
        #expect(tally.states > 10_000, "\(tally)")
    }

    @Test(
        "two clients with one jar and two server processes: D after two values were first shown only one of them still counts, to a depth of 11 events"
    )
    func twoClients() {
        let clients = [Client(value: Self.start, tabs: 1), Client(value: Self.start, tabs: 1)]
        let tally = Self.explore(World(clients: clients, value: Self.start), depth: 11)
        #expect(tally.twoOwners == 0)
        #expect(tally.proofs > 0 && tally.states > 10_000, "\(tally)")
    }
}
