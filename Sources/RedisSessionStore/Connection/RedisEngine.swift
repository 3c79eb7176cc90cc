#if Redis
internal import ParanoidLinux

/// Brings commands to the nodes that keep their keys, and again where that has to be; used by the thread of a ``RedisClient`` alone.
final class RedisEngine {
    private enum Route {
        case fixed(RedisEndpoint)
        case slots(SlotMap, isAsking: Bool)
        /// What the Sentinels have said last.
        case master(RedisEndpoint?, name: String, isAsking: Bool)
    }

    /// A connection to a node.
    ///
    /// Number 0 is for all that does not wait for replicas, as one that waits holds up what comes behind it.
    struct Place: Hashable {
        let endpoint: RedisEndpoint
        var number = 0
    }

    /// The longest wait for one reply.
    static let longestStep: Int64 = 1_000_000_000
    /// How many connections to a node wait for replicas.
    private static let waitingCount = 4
    private static let mostRedirections = 16

    let address: RedisAddress
    private var route: Route
    private var nodes: [Place: RedisNode] = [:]
    private var nodesByTag: [UInt64: RedisNode] = [:]
    private var parked: [Operation] = []
    private(set) var timers = TimerQueue<Job> { $0.isOver }
    let poll: Epoll
    private var random = SystemRandom()
    private var isStopped = false
    let stepTime: Int64
    /// Changes that wait until a connection is free to wait for replicas.
    private var lines: [RedisEndpoint: WaitingLine] = [:]
    /// Where the next question after slots or master begins.
    private var askingTurn = 0
    private let observe: (@Sendable (RedisEvent) -> Void)?

    /// - Parameters:
    ///   - wakeup: A descriptor that is reported with tag 0.
    ///   - stepTime: The longest wait for one reply, in nanoseconds.
    ///   - observe: Told of what happens.
    init(
        _ address: RedisAddress,
        wakeup: CInt,
        stepTime: Int64 = RedisEngine.longestStep,
        observe: (@Sendable (RedisEvent) -> Void)?
    ) throws(SystemCallError) {
        self.address = address
        self.stepTime = stepTime
        self.observe = observe
        self.poll = try Epoll()
        try self.poll.add(wakeup, tag: 0, interest: .readable)
        switch address.topology {
        case .single: self.route = .fixed(address.endpoints[0])
        case .cluster: self.route = .slots(SlotMap(), isAsking: false)
        case .sentinel(let name): self.route = .master(nil, name: name, isAsking: false)
        }
    }

    var now: Int64 { BootClock.now() }

    // MARK: Time

    /// Has something done after a time.
    func schedule(after nanoseconds: Int64, _ body: @escaping () -> Void) {
        self.timers.add(.body(body), due: self.now + nanoseconds)
    }

    /// Does what is due and waits for what comes next.
    ///
    /// - Returns: Whether the wake-up was reported.
    func turn() -> Bool {
        let now = self.now
        while let job = self.timers.take(dueAt: now) { job.run() }
        for node in Array(self.nodes.values) { node.expire(now: now) }
        let next = ([self.timers.due()] + self.nodes.values.map(\.due)).compactMap { $0 }.min()
        // Rounded up, so that it is due when the wait has ended.
        let milliseconds = next.map { CInt(clamping: max(0, ($0 - self.now + 999_999) / 1_000_000)) } ?? -1
        var events: [Epoll.Event] = []
        if let first = self.poll.wait(milliseconds: milliseconds, atMost: Epoll.mostEvents, others: { events.append($0) }) {
            events.append(first)
        }
        for event in events where event.tag != 0 { self.nodesByTag[event.tag]?.process(now: self.now, poll: self.poll) }
        return events.contains { $0.tag == 0 }
    }

    /// Gives up all that is under way.
    func stop() {
        self.isStopped = true
        let gone = RedisFailure.unanswered("the store was closed")
        for node in self.nodes.values { node.fail(gone, now: self.now) }
        let parked = self.parked + self.lines.values.flatMap { $0.takeAll() }
        self.parked = []
        for operation in parked { operation.end(.failure(.away(gone.text))) }
        // What waits to be tried again learns that there is nobody to send it to.
        for job in self.timers.takeAll() { job.run() }
    }

    // MARK: Commands

    func submit(_ submission: Submission) {
        guard let observe else { return self.step(Operation(submission)) }
        let begin = self.now
        let purpose = submission.command.purpose
        let observed = Submission(command: submission.command, deadline: submission.deadline) { result in
            let isFailure = if case .failure = result { true } else { false }
            observe(.finished(purpose, nanoseconds: BootClock.now() - begin, isFailure: isFailure))
            submission.done(result)
        }
        self.step(Operation(observed))
    }

    /// Ends an operation at its deadline, wherever it is then.
    private func limit(_ operation: Operation) { self.timers.add(.end(operation), due: operation.submission.deadline) }

    /// Waits until it is known who serves its key.
    private func park(_ operation: Operation) {
        operation.waits(because: "nobody said in time who serves the key")
        self.parked.append(operation)
        self.limit(operation)
        self.refresh()
    }

    private func step(_ operation: Operation) {
        guard !operation.isOver else { return }
        switch self.route {
        case .fixed(let endpoint), .master(let endpoint?, _, _): self.send(operation, to: endpoint)
        case .master(nil, _, _): self.park(operation)
        case .slots(let map, _):
            guard let slot = operation.submission.command.slot else { return self.send(operation, to: self.address.endpoints[0]) }
            guard let endpoint = map[slot] else { return self.park(operation) }
            self.send(operation, to: endpoint)
        }
    }

    func node(_ endpoint: RedisEndpoint, number: Int = 0) -> RedisNode {
        let place = Place(endpoint: endpoint, number: number)
        if let node = self.nodes[place] { return node }
        var greeting: [[[UInt8]]] = []
        var isSentinel = false
        if case .master = self.route { isSentinel = self.address.endpoints.contains(endpoint) }
        if let credentials = self.address.credentials, !isSentinel { greeting.append(credentials.command) }
        if self.address.database != 0, !isSentinel { greeting.append([Array("SELECT".utf8), Array("\(self.address.database)".utf8)]) }
        greeting.append([Array("PING".utf8)])
        let tag = UInt64(self.nodesByTag.count + 1)
        let node = RedisNode(endpoint, tag: tag, greeting: greeting, greetingTime: self.stepTime, observe: self.observe)
        self.nodes[place] = node
        self.nodesByTag[tag] = node
        return node
    }

    private func send(_ operation: Operation, to endpoint: RedisEndpoint, asking: Bool = false) {
        guard !operation.isOver else { return }
        let now = self.now
        guard now < operation.submission.deadline, !self.isStopped else { return operation.fail(.away("no time is left")) }
        let command = operation.submission.command
        guard self.address.waitCount == 0 || !command.isChange else {
            let line = self.lines[endpoint] ?? WaitingLine(connections: 1...Self.waitingCount)
            self.lines[endpoint] = line
            operation.waits(because: "no connection to \(endpoint) was free in time")
            line.add(operation, asking: asking)
            self.limit(operation)
            return self.serve(line, at: endpoint)
        }
        operation.goes(to: endpoint)
        // Later than that, the time of its reply is over before.
        if operation.submission.deadline < now + self.stepTime { self.limit(operation) }
        let place = Place(endpoint: endpoint)
        let flight = RedisNode.Flight(
            bytes: command.encoded(inFull: operation.isInFull, asking: asking),
            replyCount: asking ? 2 : 1,
            due: now + self.stepTime
        ) { result in
            self.landed(operation, result.map { $0[$0.count - 1] }, from: place)
        } isOver: {
            operation.isOver(at: $0)
        }
        self.node(endpoint, number: 0).submit(flight, now: now, poll: self.poll)
    }

    func landed(_ operation: Operation, _ result: Result<RedisReply, RedisFailure>, from place: Place) {
        guard !operation.isOver else { return }
        let endpoint = place.endpoint
        switch result {
        case .failure(let failure):
            if failure.mayHaveHappened { operation.mayHaveHappened = true }
            if case .fixed = self.route, self.nodes[place]?.breaker.isOpen(at: self.now) == true {
                return operation.fail(failure)
            }
            // Its place may be another's soon.
            self.refresh(doubting: endpoint)
            self.repeat(operation, failure)
        case .success(let reply):
            guard case .error(let text) = reply, let redirection = Redirection(text, from: endpoint) else {
                let answer = RedisAnswer(reply: reply, mayHaveHappenedBefore: operation.mayHaveHappened)
                return operation.end(.success(answer))
            }
            operation.redirections += 1
            self.follow(redirection, operation, text, from: endpoint)
        }
    }

    private func follow(_ redirection: Redirection, _ operation: Operation, _ text: String, from endpoint: RedisEndpoint) {
        let mayGoOn = operation.redirections <= Self.mostRedirections
        switch redirection {
        case .moved, .ask: self.observe?(.redirected)
        default: break
        }
        switch redirection {
        case .noScript where !operation.isInFull:
            operation.isInFull = true
            self.step(operation)
        case .moved(let slot, let target?) where mayGoOn:
            if case .slots(var map, let isAsking) = self.route {
                self.route = .fixed(target)
                map[slot] = target
                self.route = .slots(map, isAsking: isAsking)
            }
            self.send(operation, to: target)
        case .ask(let target?) where mayGoOn: self.send(operation, to: target, asking: true)
        case .tryAgain: self.repeat(operation, .away(text))
        default:
            self.refresh(doubting: endpoint)
            self.repeat(operation, .away(text))
        }
    }

    private func `repeat`(_ operation: Operation, _ failure: RedisFailure) {
        guard !operation.isOver else { return }
        // Who has waited for replicas need not wait before that again.
        if case .unreplicated = failure {} else { operation.tries += 1 }
        let pause = RetryPause.nanoseconds(try: operation.tries - 1, random: self.random.next())
        guard self.now + pause < operation.submission.deadline, !self.isStopped else { return operation.fail(failure) }
        operation.waits(because: failure.text)
        self.observe?(.retried)
        self.schedule(after: pause) { self.step(operation) }
    }

    // MARK: Who serves what

    /// Asks anew for the slots or for the master, one question at a time.
    ///
    /// - Parameter doubted: A node that failed, which may be cut off from the others and not know that.
    private func refresh(doubting doubted: RedisEndpoint? = nil) {
        guard !self.isStopped else { return }
        switch self.route {
        case .fixed, .slots(_, isAsking: true), .master(_, _, isAsking: true): return
        case .slots(let map, isAsking: false):
            self.route = .slots(map, isAsking: true)
            let others = map.masters.filter { !self.address.endpoints.contains($0) }
            self.ask(self.inTurn(self.address.endpoints + others, doubting: doubted))
        case .master(let master, let name, isAsking: false):
            self.route = .master(master, name: name, isAsking: true)
            self.ask(self.inTurn(self.address.endpoints, doubting: doubted), for: name)
        }
    }

    /// Another one first each time, as one that is cut off says what was; those that have not answered lately behind the others.
    private func inTurn(_ endpoints: [RedisEndpoint], doubting doubted: RedisEndpoint?) -> [RedisEndpoint] {
        self.askingTurn = (self.askingTurn + 1) % endpoints.count
        let turned = endpoints[self.askingTurn...] + endpoints[..<self.askingTurn]
        let isSilent: (RedisEndpoint) -> Bool = { $0 == doubted || self.nodes[Place(endpoint: $0)]?.breaker.isClosed == false }
        return turned.filter { !isSilent($0) } + turned.filter(isSilent)
    }

    /// Asks Sentinels, the next when one does not know.
    private func ask(_ sentinels: [RedisEndpoint], for name: String) {
        guard let sentinel = sentinels.first else { return self.learn(master: nil) }
        let now = self.now
        let command = RedisCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name])
        let flight = RedisNode.Flight(bytes: command.encoded(), replyCount: 1, due: now + self.stepTime) { result in
            if case .success(let replies) = result, let parts = replies.last?.elements, parts.count == 2, let host = parts[0].bytes,
                let port = parts[1].number.flatMap({ UInt16(exactly: $0) })
            {
                self.learn(master: .tcp(host: String(decoding: host, as: UTF8.self), port: port))
            } else {
                self.ask(Array(sentinels.dropFirst()), for: name)
            }
        }
        self.node(sentinel).submit(flight, now: now, poll: self.poll)
    }

    private func learn(master found: RedisEndpoint?) {
        guard case .master(let old, let name, _) = self.route else { return }
        self.route = .master(found ?? old, name: name, isAsking: false)
        let parked = self.parked
        self.parked = []
        for operation in parked {
            if found != nil { self.step(operation) } else { self.repeat(operation, .away("no Sentinel knows the master \(name)")) }
        }
    }

    private func ask(_ endpoints: [RedisEndpoint]) {
        guard let endpoint = endpoints.first else { return self.learn(nil) }
        let now = self.now
        let command = RedisCommand(["CLUSTER", "SLOTS"])
        let flight = RedisNode.Flight(bytes: command.encoded(), replyCount: 1, due: now + self.stepTime) { result in
            if case .success(let replies) = result, let map = replies.last.flatMap({ SlotMap($0, from: endpoint) }), map.servedCount > 0 {
                self.learn(map)
            } else {
                self.ask(Array(endpoints.dropFirst()))
            }
        }
        self.node(endpoint).submit(flight, now: now, poll: self.poll)
    }

    private func learn(_ found: SlotMap?) {
        guard case .slots(let old, _) = self.route else { return }
        self.route = .slots(found ?? old, isAsking: false)
        let parked = self.parked
        self.parked = []
        for operation in parked {
            if let found, let slot = operation.submission.command.slot, found[slot] != nil {
                self.step(operation)
            } else {
                self.repeat(operation, .away("no node of the cluster serves the key"))
            }
        }
    }
}
#endif
