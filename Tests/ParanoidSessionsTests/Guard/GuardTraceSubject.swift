import ParanoidSessions
import TraceReplay

/// Plays traces on the pure guard: a dictionary for a store, and every step indivisible.
final class GuardTraceSubject: TraceSubject {
    private struct Stored {
        var record: SessionRecord
        var expiresAt: Timestamp
    }

    private let sessionGuard: SessionGuard
    private let checked: [String]
    private let dataKey: [UInt8]
    private let isSecure: Bool
    private let keys: ServerKeys
    private var generator = SeededRandom(seed: 11)
    private var store: [SessionIdentifier: Stored] = [:]
    private var flights: [Int: (state: TransactionState, sees: [Int]?, touches: Bool)] = [:]

    init(settings: TraceSettings, dataKey: String) {
        self.sessionGuard = SessionGuard(settings: GuardSettings(trace: settings))
        self.checked = settings["PSESSION_CHECK_HEADERS"].list ?? []
        self.dataKey = Array(dataKey.utf8)
        self.isSecure = settings["SESSION_COOKIE_SECURE"].flag
        self.keys = ServerKeys(ServerSecret(number: 1, using: &self.generator))
    }

    func begin(_ request: TraceRequest) {
        let now = Timestamp(trace: request.time)
        let credentials = self.credentials(of: request)
        let isChecked = !request.isFiltered && request.bypass != "no-session"
        var state = TransactionState(credentials: credentials, arrivedAt: now, isChecked: isChecked)
        if let identifier = credentials.identifier, let record = self.read(identifier, at: now) {
            state.session = OpenSession(identifier: identifier, record: record)
        }
        if state.isChecked && request.bypass != "early" { self.check(&state, at: now) }
        if !state.isChecked || request.bypass != nil { state.verdict = .unchecked }

        var sees: [Int]?
        if request.action == "logout" {
            if let session = state.session { self.store[session.identifier] = nil }
            state.forget()
        } else if request.action != "none" {
            sees = state.edits.value(of: self.dataKey, over: state.session?.record.values).map { $0.map(Int.init) } ?? []
            if request.action != "read" {
                let mark = UInt8(request.number)
                state.edits.add(.transform { ($0 ?? []) + [mark] }, to: self.dataKey)
            }
            if request.action.hasPrefix("expire:") {
                state.edits.lifetime = SessionLifetime(recordedSeconds: Int64(request.action.dropFirst(7)))
            }
        }
        // A request that is not checked and does not ask for the session leaves it alone.
        let touches = state.isChecked || request.action != "none" || self.sessionGuard.settings.savesEveryRequest
        self.flights[request.number] = (state, sees, request.bypass != "no-session" && touches)
    }

    func end(_ number: Int, at time: Double, status: Int) -> TraceAnswer {
        guard let (state, sees, touches) = self.flights[number] else { preconditionFailure("request \(number) was not begun") }
        guard touches else { return TraceAnswer(verdict: "unchecked", sees: sees, status: status, cookies: [:]) }
        let now = Timestamp(trace: time)
        let current = self.read(state.session?.identifier, at: now)
        let completion = self.sessionGuard.complete(state, over: current, keys: self.keys, at: now, using: &self.generator)
        if case .nothing = completion.storing {
        } else if state.session != nil {
            precondition(
                self.sessionGuard.due(after: state, keys: self.keys, at: now) == .commit || completion.storing == .gone,
                "a commit was not foreseen"
            )
        }
        var identifier = state.session?.identifier
        switch completion.storing {
        case .nothing, .gone: break
        case .write(let record): self.write(record, identifier, at: now)
        case .create(let record), .rotate(let record):
            if let identifier { self.store[identifier] = nil }
            identifier = SessionIdentifier(secretNumber: 1, using: &self.generator)
            self.write(record, identifier, at: now)
        }
        return TraceAnswer(
            verdict: state.verdict.rawValue,
            sees: sees,
            status: status,
            cookies: self.cookies(completion.changes, identifier)
        )
    }

    func abort(_ number: Int) -> TraceAnswer {
        let begun = self.flights[number]
        return TraceAnswer(verdict: begun?.state.verdict.rawValue ?? "", sees: begun?.sees, status: 200, cookies: [:])
    }

    private func check(_ state: inout TransactionState, at now: Timestamp) {
        switch self.sessionGuard.decide(state.credentials, on: state.session?.record, keys: self.keys, at: now) {
        case .anonymous: state.verdict = .none
        case .begin, .bind:
            let fingerprint = Fingerprint(of: state.credentials.traits, keys: self.keys)
            var record = state.session?.record ?? SessionRecord(createdAt: now)
            record.tracking = SessionTracking(boundTo: fingerprint, at: now, using: &self.generator)
            let identifier = state.session?.identifier ?? SessionIdentifier(secretNumber: 1, using: &self.generator)
            self.write(record, identifier, at: now)
            state.session = OpenSession(identifier: identifier, record: record)
            state.verdict = .new
            state.progress = .stored(tellsClient: true)
        case .accept(let reason, let needsSecureKey):
            state.verdict = .accepted
            state.reason = reason
            if needsSecureKey {
                state.freshSecureKey = SecureKey(using: &self.generator)
                state.progress = .pending
            }
        case .challenge(let reason):
            // Not in profile compatible.
            state.verdict = .challenged
            state.reason = reason
        case .reject(let reason):
            state.verdict = .rejected
            state.reason = reason
            switch self.sessionGuard.consequence(of: reason, for: state.session?.record) {
            case .end, .leave, .suspend:
                if let session = state.session { self.store[session.identifier] = nil }
                state.forget()
            case .wipe:
                state.edits.clear()
                state.progress = .pending
            case .nothing: break
            }
        }
    }

    private func credentials(of request: TraceRequest) -> PresentedCredentials {
        let session = request.cookies[.session]
        return PresentedCredentials(
            identifier: session.flatMap { SessionIdentifier(cookieValue: $0.utf8) },
            presentsIdentifier: session != nil,
            nonce: request.cookies[.nonce].flatMap { Nonce(cookieValue: $0.utf8) },
            secureKey: request.cookies[.secureKey].flatMap { SecureKey(cookieValue: $0.utf8) },
            isSecure: request.isSecure,
            traits: ClientTraits(self.checked.map { request.headers[$0].map { Array($0.utf8) } })
        )
    }

    private func read(_ identifier: SessionIdentifier?, at now: Timestamp) -> SessionRecord? {
        guard let identifier, let stored = self.store[identifier], now < stored.expiresAt else { return nil }
        return stored.record
    }

    private func write(_ record: SessionRecord, _ identifier: SessionIdentifier?, at now: Timestamp) {
        guard let identifier else { preconditionFailure("nothing to write to") }
        // Through its bytes, so that the form on disk is played too.
        guard let copy = SessionRecord(decoding: record.encoded()) else { preconditionFailure("a record does not decode") }
        self.store[identifier] = Stored(record: copy, expiresAt: self.sessionGuard.settings.expiry(of: record, at: now))
    }

    private func cookies(_ changes: SessionCookieChanges, _ identifier: SessionIdentifier?) -> [CookieKind: TraceCookie] {
        var cookies: [CookieKind: TraceCookie] = [:]
        let maxAge = changes.maxAge.map { Int($0.components.seconds) }
        if let nonce = changes.nonce { cookies[.nonce] = TraceCookie(value: nonce.cookieValue, isSecure: self.isSecure, maxAge: maxAge) }
        switch changes.second {
        case .set(let key)?: cookies[.secureKey] = TraceCookie(value: key.cookieValue, isSecure: true, maxAge: maxAge)
        case .unusable?: cookies[.secureKey] = TraceCookie(value: "None", isSecure: true, maxAge: maxAge)
        case nil: break
        }
        switch changes.identifier {
        case .set: cookies[.session] = TraceCookie(value: identifier?.cookieValue ?? "", isSecure: self.isSecure, maxAge: maxAge)
        case .deleted: cookies[.session] = TraceCookie(value: "", isSecure: false, maxAge: 0, isDeletion: true)
        case .unchanged: break
        }
        return cookies
    }
}

extension Timestamp {
    /// Virtual seconds, which are multiples of 1/8, after a fixed moment.
    init(trace seconds: Double) {
        self.init(nanosecondsSinceEpoch: 1_000_000_000_000_000_000 + Int64(seconds * 1e9))
    }
}

extension GuardSettings {
    init(trace settings: TraceSettings) {
        self.init(profile: .compatible)
        func duration(_ name: String) -> Duration? { settings[name].number.map { .nanoseconds(Int64($0 * 1e9)) } }
        self.nonceTimeout = duration("PSESSION_NONCE_TIMEOUT")
        self.nonceWindow = Int(settings["PSESSION_NONCE_WINDOW"].number ?? 1)
        self.nonceWindowTimeout = duration("PSESSION_NONCE_WINDOW_TIMEOUT")
        self.identifierTimeout = duration("PSESSION_KEY_TIMEOUT")
        self.clearing = settings["PSESSION_CLEAR_SESSION_FUNCTION"].text.flatMap(Clearing.init) ?? .flush
        self.lifetime = .seconds(Int(settings["SESSION_COOKIE_AGE"].number ?? 1_209_600))
        self.expiresAtBrowserClose = settings["SESSION_EXPIRE_AT_BROWSER_CLOSE"].flag
        self.savesEveryRequest = settings["SESSION_SAVE_EVERY_REQUEST"].flag
    }
}

/// A repeatable source of "randomness".
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
