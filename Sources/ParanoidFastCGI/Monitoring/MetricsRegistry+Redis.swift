#if Redis
internal import RedisSessionStore
internal import WorkerSupervisor

// What all processes count together of a Redis.
extension MetricsRegistry {
    /// What was counted.
    struct RedisFigures: Sendable {
        /// The times of commands by what they are for, and how many of them failed.
        var commands: [(purpose: String, times: Histogram, failures: Int)]
        var retries: Int
        var redirections: Int
        var openedBreakers: Int
        var closedBreakers: Int
    }

    private enum Place {
        static let commands = 1856
        static let retries = 1968
        static let redirections = 1969
        static let opened = 1970
        static let closed = 1971
    }

    /// Counts an event.
    func count(_ event: RedisEvent) {
        switch event {
        case .finished(let purpose, let nanoseconds, let isFailure):
            let place = Place.commands + purpose.rawValue * Self.wordsPerHistogram
            self.count(nanoseconds, at: place)
            if isFailure { self.scoreboard.count(place + Self.wordsPerHistogram - 1) }
        case .retried: self.scoreboard.count(Place.retries)
        case .redirected: self.scoreboard.count(Place.redirections)
        case .breakerOpened: self.scoreboard.count(Place.opened)
        case .breakerClosed: self.scoreboard.count(Place.closed)
        }
    }

    /// What was counted; `nil` while there was nothing.
    var redis: RedisFigures? {
        let commands = RedisEvent.Purpose.allCases.map { purpose in
            let place = Place.commands + purpose.rawValue * Self.wordsPerHistogram
            let failures = self.scoreboard.value(ofCounter: place + Self.wordsPerHistogram - 1)
            return (purpose: "\(purpose)", times: self.histogram(at: place), failures: failures)
        }
        guard commands.contains(where: { $0.times.count > 0 }) else { return nil }
        return RedisFigures(
            commands: commands,
            retries: self.scoreboard.value(ofCounter: Place.retries),
            redirections: self.scoreboard.value(ofCounter: Place.redirections),
            openedBreakers: self.scoreboard.value(ofCounter: Place.opened),
            closedBreakers: self.scoreboard.value(ofCounter: Place.closed)
        )
    }
}

extension StatusReport {
    /// What was counted, as JSON; null without a Redis.
    var redisJSON: JSONValue {
        guard let redis else { return .null }
        return .members([
            "commands": .list(
                redis.commands.map { command in
                    .members([
                        "purpose": .text(command.purpose), "count": .number(command.times.count), "failures": .number(command.failures),
                        "microseconds": .number(command.times.microseconds),
                        "seconds_99_percent_below": command.times.quantile(0.99).map { .decimal($0) } ?? .null,
                    ])
                }
            ),
            "retries": .number(redis.retries), "redirections": .number(redis.redirections),
            "breakers_opened": .number(redis.openedBreakers), "breakers_closed": .number(redis.closedBreakers),
        ])
    }
}
#else
extension StatusReport {
    /// Without the trait nothing is counted.
    var redisJSON: JSONValue { .null }
}
#endif
