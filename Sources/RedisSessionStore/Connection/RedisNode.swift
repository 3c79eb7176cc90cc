#if Redis
internal import ParanoidLinux

/// A server and the one connection to it; used by the thread of a ``RedisEngine`` alone.
///
/// Commands are written as they come and replies arrive in their order. Each has its own time: when the first is not replied to in time, all
/// are given up with the connection, as the order would be lost.
final class RedisNode {
    /// Commands that were sent together.
    struct Flight {
        let bytes: [UInt8]
        /// How many replies come.
        let replyCount: Int
        /// When the reply has to be there.
        let due: Int64
        /// Gets the replies.
        let landed: (Result<[RedisReply], RedisFailure>) -> Void
        /// Whether nobody waits for it any more at a time, so that it need not be sent.
        var isOver: (Int64) -> Bool = { _ in false }
    }

    private enum Link {
        case down
        case greeting(RedisContext)
        case ready(RedisContext)

        var context: RedisContext? {
            switch self {
            case .down: nil
            case .greeting(let context), .ready(let context): context
            }
        }
    }

    let endpoint: RedisEndpoint
    private let tag: UInt64
    private let observe: (@Sendable (RedisEvent) -> Void)?
    private let greeting: [[[UInt8]]]
    private let greetingTime: Int64
    private var link = Link.down
    private var isWaitingToWrite = false
    private(set) var breaker = CircuitBreaker()
    /// Sent, in order; those before the place have landed.
    private var flying: [Flight] = []
    private var landedCount = 0
    private var repliesOfFirst: [RedisReply] = []
    /// Not sent yet.
    private var waiting: [Flight] = []

    /// - Parameters:
    ///   - tag: The number of its descriptor in the poll.
    ///   - greeting: The commands that every connection begins with.
    ///   - greetingTime: How long a connection and its greeting may take, in nanoseconds.
    ///   - observe: Told when the node is not tried any more, and when it has answered again.
    init(
        _ endpoint: RedisEndpoint,
        tag: UInt64,
        greeting: [[[UInt8]]],
        greetingTime: Int64,
        observe: (@Sendable (RedisEvent) -> Void)? = nil
    ) {
        self.observe = observe
        self.greetingTime = greetingTime
        self.endpoint = endpoint
        self.tag = tag
        self.greeting = greeting
    }

    /// When the next reply has to be there; `nil` when none is awaited.
    var due: Int64? {
        let sent = self.landedCount < self.flying.count ? self.flying[self.landedCount].due : nil
        return [sent, self.waiting.first?.due].compactMap { $0 }.min()
    }

    /// Sends a flight, over a new connection if there is none.
    func submit(_ flight: Flight, now: Int64, poll: borrowing Epoll) {
        switch self.link {
        case .ready(let context): self.send([flight], over: context, now: now, poll: poll)
        case .greeting: self.waiting.append(flight)
        case .down:
            guard self.breaker.admits(at: now) else {
                return flight.landed(.failure(.away("\(self.endpoint) does not answer and is not tried at the moment")))
            }
            self.waiting.append(flight)
            self.connect(now: now, poll: poll)
        }
    }

    private func connect(now: Int64, poll: borrowing Epoll) {
        do throws(RedisFailure) {
            let context = try RedisContext(to: self.endpoint)
            do throws(SystemCallError) {
                try poll.add(context.descriptor, tag: self.tag, interest: [.readable, .writable])
            } catch {
                throw RedisFailure.away("\(error)")
            }
            self.link = .greeting(context)
            self.isWaitingToWrite = true
            for (index, words) in self.greeting.enumerated() {
                var bytes: [UInt8] = []
                RedisCoding.encode(words, into: &bytes)
                try context.append(bytes)
                let isLast = index == self.greeting.count - 1
                self.flying.append(
                    Flight(bytes: [], replyCount: 1, due: now + self.greetingTime) { [unowned self] result in
                        self.greeted(result, isLast: isLast)
                    }
                )
            }
        } catch {
            self.fail(error, now: now)
        }
    }

    private var refusal: String?

    private func greeted(_ result: Result<[RedisReply], RedisFailure>, isLast: Bool) {
        guard case .success(let replies) = result else { return }
        if case .error(let text)? = replies.last { self.refusal = self.refusal ?? text }
        guard isLast, case .greeting(let context) = self.link else { return }
        self.link = .ready(context)
    }

    private func send(_ flights: [Flight], over context: RedisContext, now: Int64, poll: borrowing Epoll) {
        do throws(RedisFailure) {
            for flight in flights {
                self.flying.append(flight)
                try context.append(flight.bytes)
            }
            try self.write(context, poll: poll)
        } catch {
            self.fail(error, now: now)
        }
    }

    private func write(_ context: RedisContext, poll: borrowing Epoll) throws(RedisFailure) {
        let isDone = try context.write()
        guard isDone == self.isWaitingToWrite else { return }
        do throws(SystemCallError) {
            try poll.rearm(context.descriptor, tag: self.tag, interest: isDone ? [.readable] : [.readable, .writable])
        } catch {
            throw RedisFailure.away("\(error)")
        }
        self.isWaitingToWrite = !isDone
    }

    /// Does what the poll has reported.
    func process(now: Int64, poll: borrowing Epoll) {
        guard let context = self.link.context else { return }
        var landed: [(Flight, [RedisReply])] = []
        var failure: RedisFailure?
        do throws(RedisFailure) {
            if self.isWaitingToWrite { try self.write(context, poll: poll) }
            for reply in try context.read() {
                guard self.landedCount < self.flying.count else { throw RedisFailure.away("a reply to nothing") }
                let first = self.flying[self.landedCount]
                self.repliesOfFirst.append(reply)
                guard self.repliesOfFirst.count == first.replyCount else { continue }
                landed.append((first, self.repliesOfFirst))
                self.repliesOfFirst = []
                self.landedCount += 1
            }
        } catch {
            failure = error
        }
        if self.landedCount == self.flying.count {
            self.flying.removeAll(keepingCapacity: true)
            self.landedCount = 0
        } else if self.landedCount > 256 {
            self.flying.removeFirst(self.landedCount)
            self.landedCount = 0
        }
        let wasGreeting = if case .greeting = self.link { true } else { false }
        for (flight, replies) in landed { flight.landed(.success(replies)) }
        if wasGreeting, let refusal = self.refusal {
            failure = .away(refusal)
            self.refusal = nil
        }
        if let failure { return self.fail(failure, now: now) }
        guard case .ready(let context) = self.link else { return }
        if !landed.isEmpty {
            if !self.breaker.isClosed { self.observe?(.breakerClosed) }
            self.breaker.succeeded()
        }
        if wasGreeting {
            let waiting = self.waiting.map { (flight: $0, isOver: $0.isOver(now)) }
            self.waiting = []
            self.send(waiting.filter { !$0.isOver }.map(\.flight), over: context, now: now, poll: poll)
            for each in waiting where each.isOver { each.flight.landed(.failure(.away("its time was over before it was sent"))) }
        }
    }

    /// Gives up what has waited too long.
    func expire(now: Int64) {
        guard let due = self.due, due <= now else { return }
        if self.landedCount < self.flying.count, self.flying[self.landedCount].due <= now {
            return self.fail(.unanswered("\(self.endpoint) did not answer in time"), now: now)
        }
        let late = self.waiting.filter { $0.due <= now }
        self.waiting.removeAll { $0.due <= now }
        for flight in late { flight.landed(.failure(.away("\(self.endpoint) did not answer in time"))) }
    }

    /// Gives the connection up, and all that waits for it.
    func fail(_ failure: RedisFailure, now: Int64) {
        let sent = Array(self.flying[self.landedCount...])
        let unsent = self.waiting
        self.flying = []
        self.landedCount = 0
        self.repliesOfFirst = []
        self.waiting = []
        self.refusal = nil
        // Its descriptor leaves the poll as it is closed.
        self.link = .down
        self.isWaitingToWrite = false
        var generator = SystemRandom()
        let wasClosed = self.breaker.isClosed
        self.breaker.failed(at: now, random: generator.next())
        if wasClosed, !self.breaker.isClosed { self.observe?(.breakerOpened) }
        for flight in sent { flight.landed(.failure(.unanswered(failure.text))) }
        for flight in unsent { flight.landed(.failure(.away(failure.text))) }
    }
}

extension Epoll.Interest {
    /// Room for bytes, or a connection that was made or refused (`EPOLLOUT`).
    static var writable: Self { Self(rawValue: 4) }
}
#endif
