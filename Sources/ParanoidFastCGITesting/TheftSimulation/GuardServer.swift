package import ParanoidSessions

/// The guard itself, over one session: what the session middleware does with it, without I/O.
package struct GuardServer: SimulatedServer {
    package struct Jar: Sendable {
        var identifier: SessionIdentifier?
        var nonce: Nonce?
        var secureKey: SecureKey?
    }

    private let sessionGuard: SessionGuard
    private let keys: ServerKeys
    private var generator: MixingGenerator
    private var identifier: SessionIdentifier
    private var record: SessionRecord?
    package private(set) var hasEnded = false

    package init(settings: GuardSettings, seed: UInt64) {
        self.sessionGuard = SessionGuard(settings: settings)
        self.generator = MixingGenerator(seed: seed)
        self.keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
        self.identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
    }

    private static func time(_ seconds: Double) -> Timestamp {
        Timestamp(secondsSinceEpoch: 1_700_000_000).advanced(by: .nanoseconds(Int64(seconds * 1e9)))
    }

    /// Whoever moves about is in another network every few minutes, and in one of several again.
    private static func signals(at now: Double) -> ClientSignals {
        let network = UInt8(Int(now / 170) % 9)
        return ClientSignals(source: [network]) { [ClientSignals.Reading(name: "address", value: [network], policy: .rotate)] }
    }

    private func credentials(_ jar: Jar?, at now: Double) -> PresentedCredentials {
        var credentials = PresentedCredentials(
            identifier: jar?.identifier,
            presentsIdentifier: jar != nil,
            nonce: jar?.nonce,
            secureKey: jar?.secureKey,
            isSecure: true,
            traits: ClientTraits([[1]])
        )
        guard !self.sessionGuard.settings.profile.isCompatible else { return credentials }
        credentials.signals = Self.signals(at: now)
        // One request in ten is for a picture, or ahead of time.
        let isOccasion = Int(now * 1000) % 10 != 0
        credentials.mayRotate = { isOccasion }
        return credentials
    }

    package mutating func begin(at now: Double) -> Jar {
        let time = Self.time(now)
        var state = TransactionState(credentials: self.credentials(nil, at: now), arrivedAt: time, isChecked: true)
        state.edits.add(.set([1]), to: [1])
        let completion = self.sessionGuard.complete(state, over: nil, keys: self.keys, at: time, using: &self.generator)
        guard case .create(let record) = completion.storing else { fatalError("a session begins") }
        self.record = record
        return self.jar(after: completion.changes)
    }

    package mutating func show(_ jar: Jar, at now: Double) -> (isAccepted: Bool, sets: Jar?) {
        guard let stored = self.record else { return (false, nil) }
        // Now and then another process serves, which knows nothing but what is stored.
        let record = Int(now * 1000) % 16 == 0 ? SessionRecord(decoding: stored.encoded()) ?? stored : stored
        let time = Self.time(now)
        let credentials = self.credentials(jar, at: now)
        var state = TransactionState(credentials: credentials, arrivedAt: time, isChecked: true)
        var shown = OpenSession.Shown.current
        if jar.identifier != self.identifier { shown = record.tracking?.predecessor == jar.identifier ? .pending : .superseded }
        state.session = OpenSession(identifier: self.identifier, record: record, shown: shown)
        switch self.sessionGuard.decide(credentials, on: record, keys: self.keys, at: time) {
        case .accept(let reason, let needsSecureKey):
            state.verdict = .accepted
            state.reason = reason
            if shown == .superseded && reason == .current && record.tracking?.chain != nil { state.session?.shown = .pending }
            state.signals = self.sessionGuard.changes(of: credentials, on: record, keys: self.keys)
            if needsSecureKey {
                state.freshSecureKey = SecureKey(using: &self.generator)
                state.progress = .pending
            }
        case .reject(.nonce) where self.sessionGuard.settings.profile.isCompatible, .reject(.reuse):
            self.end()
            return (false, nil)
        default: return (false, nil)
        }
        let completion = self.sessionGuard.complete(state, over: record, keys: self.keys, at: time, using: &self.generator)
        switch completion.storing {
        case .write(let next): self.record = next
        case .rotate(var next):
            if next.tracking?.predecessor == nil { next.tracking?.predecessor = self.identifier }
            self.record = next
            self.identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
        default: break
        }
        guard !completion.changes.isEmpty else { return (true, nil) }
        return (true, self.jar(after: completion.changes))
    }

    private mutating func end() {
        self.hasEnded = true
        self.record = nil
    }

    /// The cookies that an answer sets, and no others: one that comes late overwrites nothing else.
    private func jar(after changes: SessionCookieChanges) -> Jar {
        var jar = Jar(identifier: changes.identifier == .set ? self.identifier : nil, nonce: changes.nonce)
        if case .set(let key)? = changes.second { jar.secureKey = key }
        return jar
    }

    package static func take(_ set: Jar, into jar: Jar) -> Jar {
        Jar(
            identifier: set.identifier ?? jar.identifier,
            nonce: set.nonce ?? jar.nonce,
            secureKey: set.secureKey ?? jar.secureKey
        )
    }
}
