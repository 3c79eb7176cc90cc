#if Redis
extension RedisEngine {
    /// A command that somebody waits for.
    struct Submission: Sendable {
        let command: RedisCommand
        /// When it has to be done, in nanoseconds of the boot clock.
        let deadline: Int64
        let done: @Sendable (Result<RedisAnswer, RedisFailure>) -> Void
    }

    final class Operation {
        private enum Stage {
            /// No node has it at the moment; why.
            case waiting(String)
            case sent(RedisEndpoint)
            /// The caller knows what came of it; what is still under way for it counts for nothing.
            case over
        }

        let submission: Submission
        var tries = 0
        var redirections = 0
        var mayHaveHappened = false
        var isInFull = false
        private var stage = Stage.waiting("no time is left")

        init(_ submission: Submission) {
            self.submission = submission
        }

        var isOver: Bool { if case .over = self.stage { true } else { false } }

        /// Notes that it waits.
        func waits(because reason: String) { if !self.isOver { self.stage = .waiting(reason) } }

        /// Notes that a node gets it.
        func goes(to endpoint: RedisEndpoint) { if !self.isOver { self.stage = .sent(endpoint) } }

        /// Tells the caller, once.
        func end(_ result: Result<RedisAnswer, RedisFailure>) {
            guard !self.isOver else { return }
            self.stage = .over
            self.submission.done(result)
        }

        /// Tells the caller that it failed.
        func fail(_ failure: RedisFailure) {
            self.end(.failure(self.mayHaveHappened ? .unanswered(failure.text) : .away(failure.text)))
        }

        /// Ends it as its time is over, whatever is under way for it.
        ///
        /// Its connection is others' too, so it is the operation that ends and not the connection.
        func expire() {
            switch self.stage {
            case .waiting(let reason): self.fail(.away(reason))
            case .sent(let endpoint): self.end(.failure(.unanswered("\(endpoint) did not answer in time")))
            case .over: break
            }
        }

        /// Whether nobody waits for it any more; ends it if its time is over.
        func isOver(at now: Int64) -> Bool {
            if self.submission.deadline <= now { self.expire() }
            return self.isOver
        }
    }

    /// What is to be done later.
    enum Job {
        case body(() -> Void)
        case end(Operation)

        var isOver: Bool { if case .end(let operation) = self { operation.isOver } else { false } }

        func run() {
            switch self {
            case .body(let body): body()
            case .end(let operation): operation.expire()
            }
        }
    }
}
#endif
