/// Honest owners as applications make them: slow handlers, uploads, long polls, bursts of up to 128 requests that are answered over seconds,
/// several programs with one jar, logins, new identifiers, restarts of the browser, and networks that change with each connection.
package struct EverydayHonest {
    /// What no rule on values can tell from a theft.
    package enum Trouble: Sendable, Hashable {
        case none
        /// The browser crashes now and then, and its jar is one of up to half a minute ago.
        case rolledBack
        /// One minute in ten a download holds all responses up, in their order, for up to so many seconds.
        case download(Double)
        /// A browser with six connections, whose requests wait for a free one with the cookies that they have.
        case queue
    }

    /// So many requests, or a little more.
    package var wanted: Int
    package var trouble: Trouble
    /// How long each session lasts, in seconds.
    package var seconds = 7200.0
    package var longestDelay = 5.99
    package var longestHandler = 60.0
    package var lostResponses = 0.04
    package var repeatedRequests = 0.01
    /// The part of the requests that ask for a new identifier.
    package var rotations = 0.01

    package init(wanted: Int, trouble: Trouble = .none) {
        self.wanted = wanted
        self.trouble = trouble
    }

    /// What a browser has been through.
    private struct Life: Sendable, Equatable {
        var starts = 0
        var logins = 0
    }

    private enum Event<Server: HeldServer> {
        case send
        case poll
        case logIn
        case restart
        case save
        case arrive(Server.Jar, sentAt: Double, handler: Double, life: Life)
        case respond(Server.Held, life: Life)
        case take(Server.Jar, life: Life)
    }

    /// Plays one session after the other.
    package func run<Server: HeldServer>(_ makeServer: (UInt64) -> Server) -> Honest.Figures {
        var figures = Honest.Figures()
        while figures.requests < self.wanted && figures.sessions < 20_000 {
            figures.sessions += 1
            let seed = UInt64(figures.sessions) &* 15_485_863
            var session = Play(rules: self, server: makeServer(seed), seed: seed)
            if session.run(&figures) { figures.thrownOut += 1 }
        }
        return figures
    }

    /// One session.
    private struct Play<Server: HeldServer> {
        let rules: EverydayHonest
        var server: Server
        var random: MixingGenerator
        var queue = EventQueue<Event<Server>>()
        var jar: Server.Jar
        var saved: Server.Jar
        /// Counts restarts and logins.
        ///
        /// What was under way before a restart does not reach the browser; what was before a login does where logins are told apart.
        var life = Life()
        var isWaiting = false
        var lastTake = 0.0
        var connections = [Double](repeating: 0, count: 6)

        init(rules: EverydayHonest, server: Server, seed: UInt64) {
            self.rules = rules
            self.server = server
            self.random = MixingGenerator(seed: seed)
            self.jar = self.server.begin(at: 0)
            self.saved = self.jar
        }

        /// Whether the owner was thrown out.
        mutating func run(_ figures: inout Honest.Figures) -> Bool {
            self.queue.add(.send, at: 0.1)
            self.queue.add(.poll, at: 1)
            self.queue.add(.save, at: 10)
            self.queue.add(.logIn, at: self.random.uniform(20, 2000))
            self.queue.add(.restart, at: self.random.uniform(600, 4000))
            while let (time, event) = self.queue.next(), time < self.rules.seconds {
                switch event {
                case .send: self.send(at: time)
                case .poll:
                    if !self.isWaiting { self.ask(at: time, handler: self.random.uniform(25, 60)) }
                    self.queue.add(.poll, at: time + self.random.uniform(10, 61))
                case .save:
                    self.saved = self.jar
                    self.queue.add(.save, at: time + self.random.uniform(5, 30))
                case .logIn: self.logIn(at: time)
                case .restart: self.restart(at: time)
                case .arrive(let jar, let sentAt, let handler, let life):
                    if self.server.isStale(jar) {
                        // It was overtaken by a login, or the owner has lost it.
                        if life == self.life { return true }
                        break
                    }
                    figures.requests += 1
                    if let held = self.server.arrive(jar, at: time, begunAt: sentAt) {
                        self.queue.add(.respond(held, life: life), at: time + handler)
                    } else if self.server.hasEnded {
                        return true
                    } else {
                        figures.refusals += 1
                    }
                case .respond(let held, let life):
                    let asks = self.random.chance(self.rules.rotations) ? SimulatedRenewal.identifier : .none
                    guard let sets = self.server.respond(to: held, at: time, renewing: asks) else { break }
                    if !self.random.chance(self.rules.lostResponses) { self.queue.add(.take(sets, life: life), at: self.arrival(at: time)) }
                case .take(let sets, let life): if self.reaches(life) { self.jar = Server.take(sets, into: self.jar) }
                }
            }
            return false
        }

        private mutating func send(at time: Double) {
            let burst = [1, 1, 1, 1, 4, 12, 40, 128][Int(self.random.next() % 8)]
            if !self.isWaiting {
                // Answers of a burst take their time one after the other.
                for index in 0..<burst { self.ask(at: time, handler: Double(index) / Double(burst) * self.random.uniform(0, 6)) }
            }
            let pauses = [0.05, 0.3, 1, 3, 6, 8, 12.2, 13, 30]
            var pause = pauses[Int(self.random.next() % UInt64(pauses.count))] * self.random.uniform(0.5, 1.5)
            if burst > 12 { pause += 5 }
            if self.random.chance(0.02) { pause += self.random.uniform(60, 3600) }
            self.queue.add(.send, at: time + pause)
        }

        private mutating func ask(at time: Double, handler: Double) {
            var handler = handler
            if self.random.chance(0.05) { handler += self.random.uniform(0, self.rules.longestHandler) }
            var begin = time + self.delay()
            if self.rules.trouble == .queue {
                handler = max(handler, 2)
                let free = self.connections.indices.min { self.connections[$0] < self.connections[$1] } ?? 0
                begin = max(begin, self.connections[free])
                self.connections[free] = begin + handler
            }
            // An upload arrives when its head does and is judged when its body has come.
            let judged = begin + (self.random.chance(0.03) ? self.random.uniform(1, 40) : 0)
            self.queue.add(.arrive(self.jar, sentAt: begin, handler: handler, life: self.life), at: judged)
            if self.random.chance(self.rules.repeatedRequests) {
                self.queue.add(.arrive(self.jar, sentAt: begin, handler: handler, life: self.life), at: judged + self.random.uniform(1, 30))
            }
        }

        /// Whether a response to what the browser asked then still reaches its jar.
        private func reaches(_ life: Life) -> Bool {
            life.starts == self.life.starts && (Server.hasNamesOfLogins || life.logins == self.life.logins)
        }

        /// The browser leaves its page to log in, or to prove more; responses from before may come after the login's own.
        private mutating func logIn(at time: Double) {
            self.life.logins += 1
            self.queue.add(.logIn, at: time + self.random.uniform(300, 3000))
            let arrivedAt = time + self.random.uniform(0.01, 0.3)
            guard let held = self.server.arrive(self.jar, at: arrivedAt, begunAt: arrivedAt),
                let sets = self.server.respond(to: held, at: arrivedAt + 0.2, renewing: .login)
            else { return }
            self.jar = Server.take(sets, into: self.jar)
        }

        private mutating func restart(at time: Double) {
            self.life.starts += 1
            if self.rules.trouble == .rolledBack { self.jar = self.saved }
            self.queue.add(.restart, at: time + self.random.uniform(600, 4000))
        }

        private mutating func arrival(at time: Double) -> Double {
            guard case .download(let longest) = self.rules.trouble else { return time + self.delay() }
            let isBusy = Int(time / 60) % 10 == 3
            self.lastTake = max(
                self.lastTake + 0.001,
                time + (isBusy ? self.random.uniform(0.7, 1) * longest : self.random.uniform(0.01, 0.3))
            )
            return self.lastTake
        }

        private mutating func delay() -> Double {
            if case .download = self.rules.trouble { return self.random.uniform(0.01, 0.3) }
            return switch self.random.next() % 4 {
            case 0: self.random.uniform(0, self.rules.longestDelay)
            case 1: self.random.uniform(self.rules.longestDelay * 0.95, self.rules.longestDelay)
            default: self.random.uniform(0.005, 0.3)
            }
        }
    }
}
