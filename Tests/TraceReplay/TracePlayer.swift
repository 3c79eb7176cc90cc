/// What plays traces: the guard alone, the middleware, a server.
public protocol TraceSubject {
    /// A request arrives; it runs up to the end of its handler and is held there.
    func begin(_ request: TraceRequest) async throws
    /// The held request goes on.
    func end(_ number: Int, at time: Double, status: Int) async throws -> TraceAnswer
    /// The worker dies: nothing more is stored.
    func abort(_ number: Int) async throws -> TraceAnswer
}

public struct TraceRequest: Sendable {
    public var number: Int
    public var time: Double
    public var process: Int
    public var headers: [String: String]
    public var isSecure: Bool
    public var isFiltered: Bool
    public var bypass: String?
    public var action: String
    public var cookies: [CookieKind: String]
}

public struct TraceCookie: Sendable, Hashable {
    public var value: String
    public var isSecure: Bool
    public var maxAge: Int?
    public var isDeletion: Bool

    public init(value: String, isSecure: Bool, maxAge: Int?, isDeletion: Bool = false) {
        self.value = value
        self.isSecure = isSecure
        self.maxAge = maxAge
        self.isDeletion = isDeletion
    }
}

public struct TraceAnswer: Sendable {
    public var verdict: String
    public var sees: [Int]?
    public var status: Int
    public var cookies: [CookieKind: TraceCookie]

    public init(verdict: String, sees: [Int]?, status: Int, cookies: [CookieKind: TraceCookie]) {
        self.verdict = verdict
        self.sees = sees
        self.status = status
        self.cookies = cookies
    }
}

/// Plays one trace with clients that keep jars, and compares what comes out, symbol by symbol.
public struct TracePlayer {
    /// What profile `compatible` does better than the package of 2009, and why; nothing else deviates (page Sessions-and-threats).
    public static let repairs = [
        "header-framing",  // lengths before values: else text moves from one header to the next under one fingerprint
        "header-presence",  // an absent header is not an empty one: else a thief need not copy what is empty
        "lost-update",  // edits are merged under the lock: else overlapping requests lose data and issue a nonce twice
        "dead-session-revived",  // gone stays gone: else logging out does not end the session
        "filtered-not-httponly",  // always HttpOnly: else one unchecked page shows the identifier to scripts
        "host-store",  // the same rules for a missing record everywhere, state stored whatever the status: else a 500 desynchronises
    ]

    public struct Report: Sendable {
        /// Expectations that none of the repairs touches, met as recorded.
        public var met = 0
        /// Expectations that a repair may change, met as recorded.
        public var metInSpite = 0
        /// Expectations that a repair changes, met as the document says for the repaired package.
        public var metAsRepaired = 0
        /// Expectations that follow from a repair and have no repaired form in the document, by repair.
        public var deviations: [String: Int] = [:]
        /// What should not be.
        public var failures: [String] = []

        public init() {}

        public mutating func add(_ other: Report) {
            self.met += other.met
            self.metInSpite += other.metInSpite
            self.metAsRepaired += other.metAsRepaired
            self.deviations.merge(other.deviations, uniquingKeysWith: +)
            self.failures += other.failures
        }
    }

    private struct JarEntry {
        var value: String
        var isSecure: Bool
        var expiresAt: Double?
    }

    private let trace: Trace
    private var jars: [String: [CookieKind: JarEntry]] = [:]
    private var begins: [Int: TraceEvent] = [:]
    private var answers: [Int: [CookieKind: TraceCookie]] = [:]
    private var presented: [Int: [CookieKind: String]] = [:]
    private var firstIssue: [CookieKind: [String: Int]] = [:]
    private var statuses: [Int: Int] = [:]
    private var report = Report()

    public init(_ trace: Trace) {
        self.trace = trace
    }

    public static func play(_ trace: Trace, on subject: some TraceSubject) async throws -> Report {
        var player = TracePlayer(trace)
        for event in trace.events { try await player.step(event, subject) }
        return player.report
    }

    private mutating func step(_ event: TraceEvent, _ subject: some TraceSubject) async throws {
        let number = event.req ?? -1
        switch event.op {
        case .begin:
            self.begins[number] = event
            var cookies: [CookieKind: String] = [:]
            for kind in CookieKind.allCases { cookies[kind] = self.value(of: kind, in: event) }
            self.presented[number] = cookies
            try await subject.begin(
                TraceRequest(
                    number: number,
                    time: event.t,
                    process: event.proc ?? 0,
                    headers: self.trace.headerSets[event.headers ?? ""] ?? [:],
                    isSecure: event.secure ?? false,
                    isFiltered: event.filtered ?? false,
                    bypass: event.bypass,
                    action: event.action ?? "none",
                    cookies: cookies
                )
            )
        case .respond: self.statuses[number] = event.status ?? 200
        case .end, .commit:
            let answer = try await subject.end(number, at: event.t, status: event.status ?? self.statuses[number] ?? 200)
            let symbols = self.symbols(of: answer, number)
            if event.lost != true && event.deferred != true { self.deliver(number, at: event.t) }
            self.compare(event, answer, symbols)
        case .abort: self.compare(event, try await subject.abort(number), nil)
        case .deliver: self.deliver(number, at: event.t)
        case .restart:
            let client = event.client ?? ""
            self.jars[client] = self.jars[client]?.filter { $0.value.expiresAt != nil }
        }
    }

    private func value(of kind: CookieKind, in event: TraceEvent) -> String? {
        if let jar = event.jar, jar.covers(kind) {
            guard let entry = self.jars[event.client ?? ""]?[kind] else { return nil }
            if let end = entry.expiresAt, event.t >= end { return nil }
            return entry.isSecure && event.secure != true ? nil : entry.value
        }
        switch event.presented(kind) {
        case nil: return nil
        case .empty?: return ""
        case .garbage?:
            // Well-formed by our rules, and never issued.
            let length = kind == .nonce ? 32 : 44
            let text = "G\(event.req ?? 0)\(kind.rawValue)"
            return text + String(repeating: "x", count: length - text.count)
        case .from(let issuer)?:
            if let cookie = self.answers[issuer]?[kind], !cookie.isDeletion { return cookie.value }
            return self.presented[issuer]?[kind]
        }
    }

    private mutating func deliver(_ number: Int, at time: Double) {
        let client = self.begins[number]?.client ?? ""
        var jar = self.jars[client] ?? [:]
        for (kind, cookie) in self.answers[number] ?? [:] {
            if cookie.isDeletion {
                jar[kind] = nil
            } else {
                jar[kind] = JarEntry(value: cookie.value, isSecure: cookie.isSecure, expiresAt: cookie.maxAge.map { time + Double($0) })
            }
        }
        self.jars[client] = jar
    }

    private mutating func symbols(of answer: TraceAnswer, _ number: Int) -> [CookieKind: CookieSymbol] {
        self.answers[number] = answer.cookies
        var symbols: [CookieKind: CookieSymbol] = [:]
        for kind in CookieKind.allCases {
            guard let cookie = answer.cookies[kind] else {
                symbols[kind] = CookieSymbol.none
                continue
            }
            if cookie.isDeletion {
                symbols[kind] = .deleted
            } else if cookie.value == "None" {
                symbols[kind] = .unusable
            } else if let first = self.firstIssue[kind]?[cookie.value] {
                symbols[kind] = .sameAs(first)
            } else {
                symbols[kind] = .fresh
                self.firstIssue[kind, default: [:]][cookie.value] = number
            }
        }
        return symbols
    }

    private mutating func compare(_ event: TraceEvent, _ answer: TraceAnswer, _ symbols: [CookieKind: CookieSymbol]?) {
        guard let expected = event.expect else { return }
        let mayDiffer = Self.repairs.filter { (event.quirk ?? []).contains($0) }
        let difference = self.difference(expected, answer, symbols)
        if difference == nil {
            if mayDiffer.isEmpty { self.report.met += 1 } else { self.report.metInSpite += 1 }
            return
        }
        let repaired = Self.repairs.compactMap { event.repaired?[$0] }
        if repaired.contains(where: { self.difference($0, answer, symbols) == nil }) {
            self.report.metAsRepaired += 1
        } else if mayDiffer.isEmpty {
            self.report.failures.append("\(self.trace.name), request \(event.req ?? -1) at \(event.t): \(difference ?? "")")
        } else {
            for repair in mayDiffer { self.report.deviations[repair, default: 0] += 1 }
        }
    }

    private func difference(_ expected: TraceExpectation, _ answer: TraceAnswer, _ symbols: [CookieKind: CookieSymbol]?) -> String? {
        if expected.verdict != answer.verdict { return "verdict \(answer.verdict) instead of \(expected.verdict)" }
        if expected.sees != answer.sees { return "sees \(answer.sees ?? []) instead of \(expected.sees ?? [])" }
        guard let symbols else { return nil }
        if (expected.status ?? 200) != answer.status { return "status \(answer.status) instead of \(expected.status ?? 200)" }
        for (kind, wanted) in [
            (CookieKind.session, expected.sessionKey), (.nonce, expected.nonceCookie), (.secureKey, expected.secureCookie),
        ] {
            guard let wanted, let symbol = symbols[kind] else { continue }
            if !wanted.isAlike(symbol) { return "\(kind.rawValue) cookie \(symbol) instead of \(wanted)" }
        }
        return nil
    }
}
