import ParanoidSessions
import Testing

@Suite("The guard")
struct SessionGuardTests {
    /// One session of profile `paranoid`, made over HTTPS, and the means to visit it.
    private struct World {
        var generator = SeededRandom(seed: 31)
        let keys: ServerKeys
        let sessionGuard: SessionGuard
        var identifier: SessionIdentifier
        var record: SessionRecord
        var nonce: Nonce?
        var second: SecureKey?
        let start = Timestamp(secondsSinceEpoch: 1_000_000)

        init(_ change: (inout GuardSettings) -> Void = { _ in }) {
            var settings = GuardSettings()
            change(&settings)
            self.sessionGuard = SessionGuard(settings: settings)
            self.keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
            self.identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
            self.record = SessionRecord(createdAt: self.start)
            var state = TransactionState(credentials: World.claim(), arrivedAt: self.start, isChecked: true)
            state.edits.add(.set([1]), to: [0x61])
            let completion = self.sessionGuard.complete(state, over: nil, keys: self.keys, at: self.start, using: &self.generator)
            guard case .create(let record) = completion.storing else { preconditionFailure("a write makes a session") }
            self.record = record
            self.nonce = completion.changes.nonce
            if case .set(let key)? = completion.changes.second { self.second = key }
        }

        static func claim(
            _ identifier: SessionIdentifier? = nil,
            nonce: Nonce? = nil,
            second: SecureKey? = nil,
            isSecure: Bool = true,
            traits: [String?] = ["10.0.0.1", nil, "Mozilla"]
        ) -> PresentedCredentials {
            PresentedCredentials(
                identifier: identifier,
                presentsIdentifier: identifier != nil,
                nonce: nonce,
                secureKey: second,
                isSecure: isSecure,
                traits: ClientTraits(traits.map { $0.map { Array($0.utf8) } })
            )
        }

        func decide(_ claim: PresentedCredentials, after duration: Duration = .zero) -> SessionGuard.Arrival {
            self.sessionGuard.decide(claim, on: self.record, keys: self.keys, at: self.start.advanced(by: duration))
        }

        /// The owner comes again and takes what the response gives.
        mutating func visit(after duration: Duration) -> GuardReason? {
            let now = self.start.advanced(by: duration)
            let claim = Self.claim(self.identifier, nonce: self.nonce, second: self.second)
            guard case .accept(let reason, _) = self.decide(claim, after: duration) else { return nil }
            var state = TransactionState(credentials: claim, arrivedAt: now, isChecked: true)
            state.verdict = .accepted
            state.reason = reason
            state.session = OpenSession(identifier: self.identifier, record: self.record)
            let completion = self.sessionGuard.complete(state, over: self.record, keys: self.keys, at: now, using: &self.generator)
            if case .write(let record) = completion.storing { self.record = record }
            if let nonce = completion.changes.nonce { self.nonce = nonce }
            return reason
        }
    }

    @Test("has nothing to do at the end of a request that changes nothing, unless something has become due")
    func nothingDue() {
        for change in [{ _ in }, { $0.nonceTimeout = nil }, { $0.identifierTimeout = .seconds(40) }] as [(inout GuardSettings) -> Void] {
            var world = World(change)
            var found: [SessionGuard.Due: Int] = [:]
            for step in 1...400 {
                let duration = Duration.milliseconds(step * step * 5)
                let now = world.start.advanced(by: duration)
                let claim = World.claim(world.identifier, nonce: world.nonce, second: world.second)
                guard case .accept(let reason, _) = world.decide(claim, after: duration) else { continue }
                var state = TransactionState(credentials: claim, arrivedAt: now, isChecked: true)
                state.reason = reason
                state.session = OpenSession(identifier: world.identifier, record: world.record)
                let due = world.sessionGuard.due(after: state, keys: world.keys, at: now)
                found[due, default: 0] += 1
                let completion = world.sessionGuard.complete(
                    state,
                    over: world.record,
                    keys: world.keys,
                    at: now,
                    using: &world.generator
                )
                if due == .nothing { #expect(completion.storing == .nothing && completion.changes.isEmpty) }
                _ = world.visit(after: duration)
            }
            #expect(found[.nothing, default: 0] > 100)
        }
    }

    @Test("makes no session for a visitor who writes nothing, and binds the one it makes at once")
    func laziness() {
        var generator = SeededRandom(seed: 40)
        let keys = ServerKeys(ServerSecret(number: 1, using: &generator))
        let paranoid = SessionGuard(settings: GuardSettings())
        let now = Timestamp(secondsSinceEpoch: 5)
        #expect(paranoid.decide(World.claim(), on: nil, keys: nil, at: now) == .anonymous)
        let idle = TransactionState(credentials: World.claim(), arrivedAt: now, isChecked: true)
        let completion = paranoid.complete(idle, over: nil, keys: keys, at: now, using: &generator)
        #expect(completion.storing == .nothing)
        #expect(completion.changes.isEmpty)

        var unchecked = TransactionState(credentials: World.claim(), arrivedAt: now, isChecked: false)
        unchecked.edits.add(.set([1]), to: [1])
        guard case .create(let record) = paranoid.complete(unchecked, over: nil, keys: keys, at: now, using: &generator).storing else {
            Issue.record("a write makes a session")
            return
        }
        #expect(record.tracking?.secureKey != nil)

        let compatible = GuardSettings(profile: .compatible)
        #expect(SessionGuard(settings: compatible).decide(World.claim(), on: nil, keys: nil, at: now) == .begin)
    }

    @Test("accepts its owner, again and again")
    func owner() {
        var world = World()
        #expect(world.visit(after: .seconds(0.5)) == .current)
        #expect(world.visit(after: .seconds(2)) == .current)
        #expect(world.visit(after: .seconds(4000)) == .current)
    }

    @Test("refuses whoever lacks the second key, looks different, or shows a nonce that does not count")
    func refusals() {
        let world = World()
        let id = world.identifier
        let good = World.claim(id, nonce: world.nonce, second: world.second)
        #expect(world.decide(good) == .accept(.current, needsSecureKey: false))
        #expect(world.decide(World.claim(id, nonce: world.nonce)) == .reject(.secureKey))
        var generator = SeededRandom(seed: 77)
        #expect(world.decide(World.claim(id, nonce: world.nonce, second: SecureKey(using: &generator))) == .reject(.secureKey))
        for traits in [["10.0.0.2", nil, "Mozilla"], ["10.0.0.1", "", "Mozilla"], ["10.0.0.1", nil, nil], ["10.0.0.1Mozilla", nil, ""]] {
            #expect(world.decide(World.claim(id, nonce: world.nonce, second: world.second, traits: traits)) == .reject(.headers))
        }
        #expect(world.decide(World.claim(id, second: world.second)) == .reject(.nonce))
        let forged = Nonce(cookieValue: Array(repeating: UInt8(ascii: "A"), count: 32))
        #expect(world.decide(World.claim(id, nonce: forged, second: world.second)) == .reject(.nonce))
    }

    @Test("keeps the nonce shown last good until the client shows the next one, however long the answer was lost")
    func lostAnswer() {
        var world = World()
        let old = world.nonce
        #expect(world.visit(after: .seconds(20)) == .current)
        let given = world.nonce
        #expect(given != old)
        world.nonce = old
        #expect(world.visit(after: .seconds(4000)) == .current)
        let again = world.nonce
        // No two answers give the same.
        #expect(again != old && again != given)
        #expect(world.visit(after: .seconds(4001)) == .current)
        world.nonce = old
        #expect(world.visit(after: .seconds(4006)) == .window)
        #expect(world.nonce == old)
        let late = World.claim(world.identifier, nonce: old, second: world.second)
        #expect(world.decide(late, after: .seconds(4008)) == .reject(.reuse))
    }

    @Test("takes two nonces that one jar cannot show for proof of a copy, and ends the session for both")
    func proof() {
        var world = World()
        let copied = world.nonce
        #expect(world.visit(after: .seconds(20)) == .current)
        let owners = world.nonce
        world.nonce = copied
        #expect(world.visit(after: .seconds(21)) == .current)
        let thiefs = world.nonce
        world.nonce = owners
        #expect(world.visit(after: .seconds(22)) == .current)
        world.nonce = thiefs
        #expect(world.visit(after: .seconds(30)) == .current)
        let claim = World.claim(world.identifier, nonce: owners, second: world.second)
        #expect(world.decide(claim, after: .seconds(37)) == .reject(.reuse))
        // Judged before the proof and committed after it: it is served, told nothing, and the next request proves it.
        var state = TransactionState(credentials: claim, arrivedAt: world.start.advanced(by: .seconds(37)), isChecked: true)
        state.session = OpenSession(identifier: world.identifier, record: world.record)
        let completion = world.sessionGuard.complete(
            state,
            over: world.record,
            keys: world.keys,
            at: state.arrivedAt,
            using: &world.generator
        )
        #expect(completion.storing == .nothing)
        #expect(completion.changes.nonce == nil)
    }

    @Test("gives one nonce per request, however often the request commits")
    func oncePerRequest() {
        var world = World()
        let claim = World.claim(world.identifier, nonce: world.nonce, second: world.second)
        var state = TransactionState(credentials: claim, arrivedAt: world.start.advanced(by: .seconds(100)), isChecked: true)
        state.session = OpenSession(identifier: world.identifier, record: world.record)
        var given: Nonce?
        for second in 100...103 {
            let now = world.start.advanced(by: .seconds(second))
            state.edits.add(.set([UInt8(second)]), to: [1])
            let completion = world.sessionGuard.complete(state, over: world.record, keys: world.keys, at: now, using: &world.generator)
            guard case .write(let record) = completion.storing else {
                Issue.record("an edit is written")
                return
            }
            world.record = record
            state.session?.record = record
            state.changes = completion.changes
            #expect(given == nil || completion.changes.nonce == given)
            given = completion.changes.nonce
        }
        #expect(given != nil)
    }

    @Test("over plain HTTP, knows no session that has a second key, and gives none to whoever comes first over HTTPS")
    func plainHTTP() {
        let world = World()
        let plain = World.claim(world.identifier, nonce: world.nonce, second: world.second, isSecure: false)
        #expect(world.decide(plain) == .reject(.secureKey))
        var born = World()
        born.record.tracking?.secureKey = nil
        #expect(born.decide(World.claim(born.identifier, nonce: born.nonce)) == .accept(.current, needsSecureKey: false))
    }

    @Test("leaves alone what ended while the request was under way")
    func gone() {
        var world = World()
        let claim = World.claim(world.identifier, nonce: world.nonce, second: world.second)
        var state = TransactionState(credentials: claim, arrivedAt: world.start, isChecked: true)
        state.session = OpenSession(identifier: world.identifier, record: world.record)
        state.edits.add(.set([1]), to: [1])
        let completion = world.sessionGuard.complete(state, over: nil, keys: world.keys, at: world.start, using: &world.generator)
        #expect(completion.storing == .gone)
        #expect(completion.changes.isEmpty)
    }

    @Test(
        "gives a new identifier, a new second key and a new stream of nonces at login, also on a path that is not checked",
        arguments: [true, false]
    )
    func login(isChecked: Bool) {
        var world = World()
        let claim = World.claim(world.identifier, nonce: world.nonce, second: world.second)
        var state = TransactionState(credentials: claim, arrivedAt: world.start, isChecked: isChecked)
        state.session = OpenSession(identifier: world.identifier, record: world.record)
        state.edits.user = SessionUser(name: "ann", loggedInAt: world.start)
        state.renewal = .all
        let completion = world.sessionGuard.complete(state, over: world.record, keys: world.keys, at: world.start, using: &world.generator)
        guard case .rotate(let record) = completion.storing, case .set(let key)? = completion.changes.second else {
            Issue.record("a login rotates")
            return
        }
        #expect(key != world.second)
        #expect(record.tracking?.secureKey == key)
        #expect(record.user?.name == "ann")
        let nonce = completion.changes.nonce
        #expect(nonce != nil && nonce != world.nonce)
        #expect(world.decide(World.claim(world.identifier, nonce: nonce, second: key)) == .reject(.secureKey))
    }

    @Test("is not confused by a clock that steps back")
    func clockStepsBack() {
        var world = World()
        #expect(world.visit(after: .seconds(10)) == .current)
        #expect(world.visit(after: .seconds(3)) == .current)
        #expect(world.visit(after: .seconds(11.5)) == .current)
    }
}
