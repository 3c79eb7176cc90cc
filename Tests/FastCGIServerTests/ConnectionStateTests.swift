import Testing

@testable import FastCGIServer

@Suite("The state of a connection")
struct ConnectionStateTests {
    /// The state by reference, as the macros do not take mutating calls.
    private final class Driver {
        var state = ConnectionState()

        func opened() -> Bool { self.state.opened() }
        func event(_ isHangUp: Bool = false, generation: UInt32? = nil) -> ConnectionState.EventAction {
            self.state.event(generation: generation ?? self.state.generation, isHangUp: isHangUp)
        }
        func foundNothing(isPartial: Bool = false) -> ConnectionState.LetGoAction { self.state.foundNothing(isPartial: isPartial) }
        func finished(keeping: Bool = true) -> ConnectionState.LetGoAction { self.state.finished(keeping: keeping) }
        func discarded(isAtEnd: Bool) -> ConnectionState.LetGoAction { self.state.discarded(isAtEnd: isAtEnd) }
        func expire(late: Bool = false, idle: Bool = false, serving: Bool = false) -> ConnectionState.Expiry? {
            self.state.expire(isLate: late, isIdleTimeOver: idle, isServingTimeOver: serving)
        }

        /// Has served a request and waits for the next.
        func becomeIdle() {
            #expect(self.opened())
            self.state.found()
            #expect(self.finished() == .sleep)
        }
    }

    private let connection = Driver()

    @Test("has one owner at a time, who hears of what came meanwhile")
    func ownership() {
        #expect(self.connection.opened())
        #expect(!self.connection.opened())
        #expect(self.connection.event() == .ignore)
        #expect(self.connection.foundNothing() == .again)
        #expect(self.connection.foundNothing() == .sleep)
        #expect(self.connection.event() == .readHead)
        #expect(self.connection.event() == .ignore)
        self.connection.state.found()
        #expect(self.connection.event() == .ignore)
        #expect(self.connection.finished() == .again)
        #expect(self.connection.event() == .readHead)
        self.connection.state.found()
        #expect(self.connection.finished(keeping: false) == .close)
        #expect(self.connection.event() == .ignore)
        self.connection.state.closed()
        #expect(self.connection.state.phase == .free)
    }

    @Test("ignores late events of the connection before")
    func generations() {
        self.connection.becomeIdle()
        let old = self.connection.state.generation
        #expect(self.connection.event() == .readHead)
        self.connection.state.gaveUp()
        self.connection.state.closed()
        #expect(self.connection.event(true, generation: old) == .ignore)
        self.connection.becomeIdle()
        #expect(self.connection.event(true, generation: old) == .ignore)
        #expect(self.connection.event() == .readHead)
        let token = ConnectionToken(number: 7, generation: self.connection.state.generation)
        #expect(ConnectionToken(tag: token.tag) == token)
    }

    @Test("cancels a suspended handler once when its client goes, and closes after it")
    func hangUp() {
        #expect(self.connection.opened())
        self.connection.state.found()
        #expect(!self.connection.state.isCancelled)
        self.connection.state.suspended()
        #expect(self.connection.event(true) == .cancel)
        #expect(self.connection.event(true) == .ignore)
        #expect(self.connection.state.isCancelled)
        #expect(self.connection.finished() == .close)
    }

    @Test("remembers for a handler that suspends later that its client has gone")
    func hangUpBeforeSuspension() {
        #expect(self.connection.opened())
        self.connection.state.found()
        #expect(self.connection.event(true) == .ignore)
        #expect(self.connection.state.isCancelled)
    }

    @Test("does not forget a hang-up that came with a request, or with part of one", arguments: [true, false])
    func earlyHangUp(isPartial: Bool) {
        self.connection.becomeIdle()
        #expect(self.connection.event(true) == .readHead)
        if isPartial {
            #expect(self.connection.foundNothing(isPartial: true) == .close)
        } else {
            self.connection.state.found()
            #expect(self.connection.finished() == .close)
        }
    }

    @Test("is closed when a new one stays silent or the rest of a head is late, but not while it is idle")
    func headDeadline() {
        #expect(self.connection.opened())
        #expect(self.connection.expire(late: true) == nil)
        #expect(self.connection.foundNothing() == .sleep)
        #expect(self.connection.expire(late: false) == nil)
        #expect(self.connection.expire(late: true) == .close)
        self.connection.state.closed()

        self.connection.becomeIdle()
        #expect(self.connection.expire(late: true) == nil)
        #expect(self.connection.event() == .readHead)
        #expect(!self.connection.state.hasDeadline)
        #expect(self.connection.foundNothing(isPartial: true) == .sleep)
        #expect(self.connection.event() == .readHead)
        #expect(self.connection.state.hasDeadline)
        #expect(self.connection.foundNothing(isPartial: true) == .sleep)
        #expect(self.connection.expire(late: true) == .close)
        self.connection.state.closed()
    }

    @Test("lingers until the peer closes or the time is up", arguments: [true, false])
    func lingering(closesItself: Bool) {
        self.connection.becomeIdle()
        #expect(self.connection.event() == .readHead)
        self.connection.state.gaveUp()
        self.connection.state.lingers()
        #expect(self.connection.event() == .discard)
        #expect(self.connection.event(true) == .ignore)
        #expect(self.connection.expire(late: true) == nil)
        #expect(self.connection.discarded(isAtEnd: false) == .again)
        if closesItself {
            #expect(self.connection.discarded(isAtEnd: true) == .close)
        } else {
            #expect(self.connection.discarded(isAtEnd: false) == .sleep)
            #expect(self.connection.expire(late: false, idle: true) == nil)
            #expect(self.connection.expire(late: true) == .close)
        }
        self.connection.state.closed()
        #expect(self.connection.opened())
    }

    @Test("is closed while draining: idle after its time unless a request has come, serving after its own")
    func draining() {
        self.connection.becomeIdle()
        #expect(self.connection.expire(idle: false, serving: true) == nil)
        #expect(self.connection.expire(idle: true) == .closeIfSilent)
        #expect(self.connection.expire(idle: true) == nil)
        // It was not silent.
        #expect(self.connection.foundNothing() == .sleep)
        #expect(self.connection.event() == .readHead)
        self.connection.state.found()
        #expect(self.connection.expire(idle: true) == nil)
        #expect(self.connection.expire(serving: true) == .abort)
        #expect(self.connection.expire(serving: true) == nil)
        #expect(self.connection.state.isCancelled)
        #expect(self.connection.finished() == .close)
    }

    @Test("is another word each time nobody owns it, so that a late decision does not fit")
    func versions() {
        self.connection.becomeIdle()
        var seen: Set<ConnectionState> = []
        for _ in 0..<1000 {
            #expect(seen.insert(self.connection.state).inserted)
            #expect(self.connection.event() == .readHead)
            #expect(self.connection.foundNothing() == .sleep)
        }
    }

    @Test("has at most one owner, and one whenever it is needed, under any order of events")
    func anyOrder() {
        var generator = Numbers(state: 7)
        var owner: ConnectionState.Phase?
        func apply(_ action: ConnectionState.LetGoAction, again: ConnectionState.Phase?) {
            switch action {
            case .sleep: owner = nil
            case .again: owner = again
            case .close: owner = .closing
            }
        }
        for _ in 0..<200_000 {
            let connection = self.connection
            switch (Int.random(in: 0..<6, using: &generator), owner) {
            case (0, nil) where connection.state.phase == .free:
                #expect(connection.opened())
                owner = .reading
            case (1, _), (2, _):
                let late = Int.random(in: 0..<4, using: &generator) == 0
                let generation = connection.state.generation &- (late ? 1 : 0)
                switch connection.event(Bool.random(using: &generator), generation: generation) {
                case .ignore: break
                case .cancel: #expect(owner == .serving)
                case .readHead:
                    #expect(owner == nil && !late)
                    owner = .reading
                case .discard:
                    #expect(owner == nil && !late)
                    owner = .discarding
                }
            case (3, _):
                switch connection.expire(
                    late: Bool.random(using: &generator),
                    idle: Bool.random(using: &generator),
                    serving: Bool.random(using: &generator)
                ) {
                case nil: break
                case .abort: #expect(owner == .serving)
                case .close:
                    #expect(owner == nil)
                    owner = .closing
                case .closeIfSilent:
                    #expect(owner == nil)
                    owner = .reading
                }
            case (_, .reading):
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    connection.state.found()
                    owner = .serving
                case 1:
                    connection.state.gaveUp()
                    owner = .closing
                default: apply(connection.foundNothing(isPartial: Bool.random(using: &generator)), again: .reading)
                }
            case (_, .serving):
                if Bool.random(using: &generator) { connection.state.suspended() }
                apply(connection.finished(keeping: Bool.random(using: &generator)), again: nil)
            case (_, .discarding): apply(connection.discarded(isAtEnd: Bool.random(using: &generator)), again: .discarding)
            case (_, .closing):
                if Bool.random(using: &generator) {
                    connection.state.lingers()
                    owner = nil
                } else {
                    connection.state.closed()
                    owner = nil
                }
            default: break
            }
            if let owner { #expect(self.connection.state.phase == owner) }
        }
    }
}
