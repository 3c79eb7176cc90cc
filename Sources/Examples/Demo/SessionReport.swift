import ParanoidFastCGI

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
