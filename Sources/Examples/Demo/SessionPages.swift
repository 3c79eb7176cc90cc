import ParanoidFastCGI

/// `/session`, `/session/peek`, `/session/details` and `/safe`: what the guard thinks and what the session holds.
enum SessionPages {
    static func register(on routes: some RouterMethods) {
        routes.get("/session") { request in
            try await SessionReport.count(in: request.session)
        }
        routes.get("/session/peek") { request in
            try await SessionReport.peek(at: request.session)
        }
        routes.get("/session/details") { request in
            try Response.json(await SessionDetails.peek(at: request))
        }
        // Only its path differs: PSESSION_FILTER_PREFIXES=/safe takes it out of the checks.
        routes.get("/safe") { request in
            try Response.json(await SessionReport.count(in: request.session))
        }
    }
}

/// `/session/values`: named texts of the visitor's choice.
enum ValuesPages {
    private struct Form: Decodable {
        var key: String
        var value: String
    }

    private static let maximumValues = 64

    static func register(on routes: some RouterMethods) {
        routes.get("/session/values") { request in
            try Response.json(await request.session.value(.values) ?? [:])
        }
        routes.post("/session/values") { request in
            let form = try await request.decodeForm(Form.self)
            guard !form.key.isEmpty else { throw HTTPError(.badRequest, message: "The key is empty.") }
            // Two requests that set different keys must both succeed, so the table is changed under the session's lock.
            let values = try await request.session.update(.values, default: [:]) { values in
                guard values[form.key] != nil || values.count < Self.maximumValues else {
                    throw HTTPError(.unprocessableContent, message: "A session keeps \(Self.maximumValues) values.")
                }
                values[form.key] = form.value
                return values
            }
            return try Response.json(values)
        }
    }
}

extension SessionKey<Int> {
    /// How often this session was at `/session`, `/safe` or `/slow`.
    static var hits: Self { Self("hits") }
}

extension SessionKey<[String: String]> {
    /// What was stored with `POST /session/values`.
    static var values: Self { Self("values") }
}

/// What most routes answer: the guard's verdict on the request, and what the session holds.
struct SessionReport: Encodable {
    var verdict: GuardVerdict
    var reason: GuardReason?
    var hits: Int
    var user: String?
    var isNew: Bool

    /// Looks at the session without writing to it.
    static func peek(at session: Session) async throws -> SessionReport {
        try await SessionReport(of: session, hits: session.value(.hits) ?? 0)
    }

    /// Counts a visit, atomically across all workers, and looks at the session afterwards: counting may have begun it.
    static func count(in session: Session) async throws -> SessionReport {
        let hits = try await session.update(.hits, default: 0) { hits in
            hits += 1
            return hits
        }
        return try await SessionReport(of: session, hits: hits)
    }

    private init(of session: Session, hits: Int) async throws {
        self.verdict = try await session.guardVerdict
        self.reason = try await session.guardReason
        self.hits = hits
        self.user = try await session.user
        self.isNew = try await session.isNew
    }

    enum CodingKeys: String, CodingKey {
        case verdict, reason, hits, user
        case isNew = "fresh"
    }

    // Written by hand so that what is absent appears as null.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.verdict.rawValue, forKey: .verdict)
        try container.encode(self.reason?.rawValue, forKey: .reason)
        try container.encode(self.hits, forKey: .hits)
        try container.encode(self.user, forKey: .user)
        try container.encode(self.isNew, forKey: .isNew)
    }
}

extension SessionReport: ResponseConvertible {
    /// The same JSON as `Response.json` gives, without an encoder, which costs more than the guard does; a user's name may need escapes, so
    /// where there is one it is the encoder's.
    func makeResponse() throws -> Response {
        guard self.user == nil else { return try Response.json(self) }
        var json: [UInt8] = []
        json.reserveCapacity(128)
        json += "{\"fresh\":".utf8
        json += (self.isNew ? "true" : "false").utf8
        json += ",\"hits\":".utf8
        json += String(self.hits).utf8
        json += ",\"reason\":".utf8
        if let reason = self.reason {
            json += "\"".utf8
            json += reason.rawValue.utf8
            json += "\"".utf8
        } else {
            json += "null".utf8
        }
        json += ",\"user\":null,\"verdict\":\"".utf8
        json += self.verdict.rawValue.utf8
        json += "\"}".utf8
        var response = Response(body: .bytes(json))
        try response.setHeader("application/json", for: .contentType)
        return response
    }
}

/// What the page shows live: the report, and how old and how durable the session's secrets are.
struct SessionDetails: Encodable {
    var report: SessionReport
    var nonceAgeMilliseconds: Int?
    var expiresAtUnixSeconds: Int?
    var isSecure: Bool
    var process: Int

    static func peek(at request: Request) async throws -> SessionDetails {
        let session = request.session
        return try await SessionDetails(
            report: .peek(at: session),
            nonceAgeMilliseconds: session.nonceAge.map { Int($0 / .milliseconds(1)) },
            expiresAtUnixSeconds: session.expiry.map { Int($0.nanosecondsSinceEpoch / 1_000_000_000) },
            isSecure: request.isSecure,
            process: WorkerReport.current.pid
        )
    }
}
