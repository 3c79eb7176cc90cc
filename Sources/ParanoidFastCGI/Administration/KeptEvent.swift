internal import ParanoidHTTP
package import ParanoidSessions

/// An event of a user's session as it is kept for those who are asked why somebody was logged out.
package struct KeptEvent: Sendable, Hashable {
    /// When.
    package var time: Timestamp
    /// What: the name of a kind of ``SessionEvent``, or `revoked everyone`.
    package var kind: String
    /// Why; empty when there is nothing to say.
    package var reason: String
    /// The session; empty when it is about several, or none.
    package var session: String
    /// The user; empty for everybody.
    package var user: String
    /// The address of the client; empty where there was none.
    package var client: String
    /// What about the client has changed.
    package var signals: String
    /// How many sessions it is about.
    package var count: Int

    /// The kind that ends the sessions of all users.
    static let everyone = "revoked everyone"
    /// The reason of an end that no request has seen.
    static let unseen = "unseen"
    /// The reason of what came from outside of a request, by who ended the sessions.
    enum Administrator: String, Sendable {
        case tool
        case application
    }

    /// Whether a session has ended with it.
    package var endsSession: Bool {
        ["logout", "revoked", "expired", "limit", "reuse", "tokenReuse", Self.everyone].contains(self.kind)
            || self.kind == "refused" && !["crossSite", "insecure", "ambiguous"].contains(self.reason)
    }

    /// What happened, in words for the person who asks.
    package var explanation: String {
        switch (self.kind, self.reason) {
        case ("login", _): "logged in"
        case ("logout", _): "logged out by a request of the session itself"
        case ("revoked", Administrator.tool.rawValue): "\(self.counted) ended by the command-line tool"
        case ("revoked", Administrator.application.rawValue): "\(self.counted) ended by the application outside of a request"
        case ("revoked", _): "\(self.counted) of the user ended by this session (signed out elsewhere)"
        case (Self.everyone, Administrator.tool.rawValue): "the sessions of all users ended by the command-line tool"
        case (Self.everyone, _): "the sessions of all users ended by the application"
        case ("expired", Self.unseen): "the time of the session was over, and no request had shown it since"
        case ("expired", _): "the time of the session was over when a request showed it"
        case ("limit", _): "ended or refused, as the user had as many sessions as PARANOID_SESSIONS_PER_USER allows"
        case ("reuse", _): "an old value of the session's cookies was shown: a copy of the cookies is in use, or they were set back"
        case ("tokenReuse", _): "an old token to be remembered by was shown: it was copied, or set back; all sessions of the user ended"
        case ("refused", "unknown"): "refused: the session does not exist any more, or the cookie is of another application"
        case ("refused", "signals"): "refused: \(self.findings)"
        case ("refused", _): "refused: \(self.reason)"
        case ("challenged", _): "withheld until the user proves to be the owner\(self.signals.isEmpty ? "" : ": \(self.findings)")"
        case ("changed", _): self.findings
        default: self.kind
        }
    }

    /// What was found about the client.
    private var findings: String {
        let changed = self.signals.split(separator: " ").filter { $0 != SignalRule.cookies }
        var findings: [String] = []
        if !changed.isEmpty { findings.append("the client has changed (\(changed.joined(separator: " ")))") }
        if changed.joined(separator: " ") != self.signals { findings.append("cookies that the client was given never came back") }
        return findings.joined(separator: ", and ")
    }

    private var counted: String { self.count == 1 ? "1 session" : "\(self.count) sessions" }
}

// The form in the file: texts with a separator that no field holds.
extension KeptEvent {
    private static let separator = UInt8(0x1F)
    private static let longestField = 96

    /// The event as bytes, at most 760.
    var encoded: [UInt8] {
        let numbers = ["\(self.time.nanosecondsSinceEpoch)", "\(self.count)"]
        let texts = numbers + [self.kind, self.reason, self.session, self.user, self.client, self.signals]
        return Array(texts.map { Self.field($0) }.joined(separator: [Self.separator]))
    }

    init?(decoding bytes: [UInt8]) {
        let fields = bytes.split(separator: Self.separator, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        guard fields.count == 8, let time = Int64(fields[0]), let count = Int(fields[1]) else { return nil }
        self.init(
            time: Timestamp(nanosecondsSinceEpoch: time),
            kind: fields[2],
            reason: fields[3],
            session: fields[4],
            user: fields[5],
            client: fields[6],
            signals: fields[7],
            count: count
        )
    }

    /// A long field keeps its beginning and a digest of all of it is not needed: users are found by their tag.
    private static func field(_ text: String) -> [UInt8] { text.utf8.prefix(self.longestField).map { $0 < 0x20 ? UInt8(ascii: "?") : $0 } }
}
