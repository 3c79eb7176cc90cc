package import ParanoidSessions

/// The guard itself, over one session: what the session middleware does with it, without I/O.
package struct GuardServer: HeldServer {
    /// The cookies under the names of one login.
    fileprivate struct Cookies: Sendable {
        var identifier: SessionIdentifier?
        var nonce: Nonce?
        var secureKey: SecureKey?
        /// How many logins came before.
        var login = 0
    }

    package struct Jar: Sendable {
        fileprivate var cookies: [LoginNumber: Cookies] = [:]
        /// In what an answer sets: the logins whose cookies it deletes.
        fileprivate var deleted = LoginNumber.Set()
    }

    private let sessionGuard: SessionGuard
    private let keys: ServerKeys
    private var generator: MixingGenerator
    private var identifier: SessionIdentifier
    private var record: SessionRecord?
    private var login = 0
    package private(set) var hasEnded = false
    /// What was told of the client.
    package private(set) var found: [String] = []
    /// The record as it is stored.
    package var stored: SessionRecord? { self.record }

    /// Where requests come from.
    package enum Clients: Sendable {
        /// From one network, and each is for data.
        case plain
        /// From one of nine networks for a few minutes; one in ten is for a picture.
        case moving
        /// Each from another network, through a private relay; one in ten is for a picture.
        case relayed
    }

    /// One client, where they are told apart.
    package struct Client: Sendable {
        package var network: UInt32
        /// Whether the request says that it is for data.
        package var isOccasion: Bool

        package init(network: UInt32, isOccasion: Bool = true) {
            self.network = network
            self.isOccasion = isOccasion
        }
    }

    private let clients: Clients
    private let namesLogins: Bool

    /// - Parameters:
    ///   - settings: The rules.
    ///   - seed: What all randomness follows from.
    ///   - clients: Where requests come from.
    ///   - namesLogins: Whether the cookies of each login have names of their own.
    package init(settings: GuardSettings, seed: UInt64, clients: Clients = .moving, namesLogins: Bool = true) {
        self.clients = clients
        self.namesLogins = namesLogins
        self.sessionGuard = SessionGuard(settings: settings)
        self.generator = MixingGenerator(seed: seed)
        self.keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
        self.identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
    }

    private static func time(_ seconds: Double) -> Timestamp {
        Timestamp(secondsSinceEpoch: 1_700_000_000).advanced(by: .nanoseconds(Int64(seconds * 1e9)))
    }

    private func client(at now: Double) -> Client {
        let isOccasion = Int(now * 1000) % 10 != 0
        switch self.clients {
        case .plain: return Client(network: 0)
        case .moving: return Client(network: UInt32(Int(now / 170) % 9), isOccasion: isOccasion)
        case .relayed:
            var random = MixingGenerator(seed: UInt64(now * 1000))
            return Client(network: UInt32(random.next() % 3000), isOccasion: isOccasion)
        }
    }

    private static func signals(of client: Client) -> ClientSignals {
        let network = (0..<4).map { UInt8(truncatingIfNeeded: client.network >> (8 * $0)) }
        return ClientSignals(source: network) { [ClientSignals.Reading(name: "address", value: network, policy: .rotate)] }
    }

    private func credentials(_ jar: Jar?, of client: Client) -> PresentedCredentials {
        // Those of logins that have ended name nothing.
        let shown = jar?.cookies.first { $0.value.login == self.login } ?? jar?.cookies.first
        var credentials = PresentedCredentials(
            identifier: shown?.value.identifier,
            presentsIdentifier: jar != nil,
            nonce: shown?.value.nonce,
            secureKey: shown?.value.secureKey,
            isSecure: true,
            traits: ClientTraits([[1]])
        )
        if let shown { credentials.login = shown.key }
        for login in jar?.cookies.keys ?? [:].keys { credentials.logins.insert(login) }
        guard !self.sessionGuard.settings.profile.isCompatible else { return credentials }
        credentials.signals = Self.signals(of: client)
        // A picture, or ahead of time.
        credentials.mayRotate = { client.isOccasion }
        return credentials
    }

    package mutating func begin(at now: Double) -> Jar {
        let time = Self.time(now)
        var state = TransactionState(credentials: self.credentials(nil, of: self.client(at: now)), arrivedAt: time, isChecked: true)
        state.edits.add(.set([1]), to: [1])
        state.edits.user = SessionUser(name: "ann", loggedInAt: time)
        let completion = self.sessionGuard.complete(state, over: nil, keys: self.keys, at: time, using: &self.generator)
        guard case .create(let record) = completion.storing else { fatalError("a session begins") }
        self.record = record
        return self.jar(after: completion.changes, self.identifier)
    }

    package struct Held: Sendable {
        var state: TransactionState
        var login: Int
    }

    package static var hasNamesOfLogins: Bool { true }

    package func isStale(_ jar: Jar) -> Bool { !jar.cookies.values.contains { $0.login == self.login } }

    package mutating func arrive(_ jar: Jar, at now: Double, begunAt: Double) -> Held? {
        self.arrive(jar, at: now, begunAt: begunAt, from: self.client(at: now))
    }

    /// The same, from a client of its own.
    package mutating func arrive(_ jar: Jar, at now: Double, begunAt: Double, from client: Client) -> Held? {
        guard let stored = self.record else { return nil }
        // Now and then another process serves, which knows nothing but what is stored.
        let record = Int(now * 1000) % 16 == 0 ? SessionRecord(decoding: stored.encoded()) ?? stored : stored
        let time = Self.time(begunAt)
        let credentials = self.credentials(jar, of: client)
        var state = TransactionState(credentials: credentials, arrivedAt: time, isChecked: true)
        var shown = OpenSession.Shown.current
        if credentials.identifier != self.identifier {
            shown = record.tracking?.predecessor?.identifier == credentials.identifier ? .pending : .superseded
        }
        state.session = OpenSession(identifier: self.identifier, record: record, shown: shown)
        switch self.sessionGuard.decide(credentials, on: record, keys: self.keys, at: time) {
        case .accept(let reason, let needsSecureKey):
            state.verdict = .accepted
            state.reason = reason
            if shown == .superseded && reason == .current && record.tracking?.chain != nil { state.session?.shown = .pending }
            state.signals = self.sessionGuard.changes(of: credentials, on: record, keys: self.keys, at: time)
            if let policy = state.signals?.policy, policy >= .challenge { return nil }
            if needsSecureKey {
                state.freshSecureKey = SecureKey(using: &self.generator)
                state.progress = .pending
            }
        case .reject(.nonce) where self.sessionGuard.settings.profile.isCompatible, .reject(.reuse):
            self.end()
            return nil
        default: return nil
        }
        return Held(state: state, login: self.login)
    }

    package mutating func respond(to held: Held, at now: Double, renewing: SimulatedRenewal) -> Jar? {
        guard let record = self.record, let session = held.state.session else { return nil }
        let time = Self.time(now)
        var state = held.state
        // Ended by a login meanwhile: nothing is stored and nothing is told.
        if held.login != self.login { return nil }
        switch renewing {
        case .none: break
        case .identifier: state.renewal = .identifier
        case .login:
            state.renewal = .all
            self.login += 1
        }
        let due = self.sessionGuard.due(after: state, keys: self.keys, at: time)
        guard due == .commit else {
            let completion = self.sessionGuard.complete(state, over: session.record, keys: self.keys, at: time, using: &self.generator)
            precondition(due == .completion || (completion.changes.isEmpty && completion.storing == .nothing), "more was due")
            return completion.changes.isEmpty ? nil : self.jar(after: completion.changes, session.identifier)
        }
        // Replaced while this request was under way.
        if session.identifier != self.identifier { state.session?.shown = .superseded }
        let completion = self.sessionGuard.complete(state, over: record, keys: self.keys, at: time, using: &self.generator)
        self.found += completion.found
        switch completion.storing {
        case .write(let next): self.record = next
        case .rotate(var next):
            if renewing != .login {
                next.tracking?.predecessor = .init(self.identifier, issuedAt: record.tracking?.identifierIssuedAt)
            }
            self.record = next
            self.identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
        case .nothing, .gone, .create: break
        }
        return completion.changes.isEmpty ? nil : self.jar(after: completion.changes, self.identifier)
    }

    private mutating func end() {
        self.hasEnded = true
        self.record = nil
    }

    /// The cookies that an answer sets, and no others: one that comes late overwrites nothing else.
    private func jar(after changes: SessionCookieChanges, _ identifier: SessionIdentifier) -> Jar {
        var cookies = Cookies(identifier: changes.identifier == .set ? identifier : nil, nonce: changes.nonce, login: self.login)
        if case .set(let key)? = changes.second { cookies.secureKey = key }
        if !self.namesLogins { return Jar(cookies: [.visitor: cookies]) }
        return Jar(cookies: [changes.login: cookies], deleted: changes.replaced)
    }

    package static func take(_ set: Jar, into jar: Jar) -> Jar {
        var jar = jar
        for login in set.deleted.numbers { jar.cookies[login] = nil }
        for (login, new) in set.cookies {
            let old = jar.cookies[login]
            jar.cookies[login] = Cookies(
                identifier: new.identifier ?? old?.identifier,
                nonce: new.nonce ?? old?.nonce,
                secureKey: new.secureKey ?? old?.secureKey,
                login: new.login
            )
        }
        return jar
    }
}
