/// What is noted of a client, and what it means when it changes.
package struct SignalRule: Sendable, Hashable {
    /// The network the client's address lies in.
    package static let address = "address"
    /// Family and platform of the browser, from `User-Agent`; versions do not count.
    package static let agent = "agent"
    /// The languages the browser asks for (`Accept-Language`).
    package static let language = "language"
    /// What the browser says of itself in client hints: platform and whether it is a telephone (`Sec-CH-UA-Platform`, `Sec-CH-UA-Mobile`).
    package static let hints = "hints"

    /// The name under which it is told that a client shows none of the new values it was given, see ``GuardSettings/ignoredCookies``.
    package static let cookies = "cookies"

    /// One of the four names above, or a request parameter such as `SSL_CIPHER`, whose value is compared byte by byte.
    package var name: String
    /// What a change means.
    package var policy: SignalPolicy

    /// Creates a rule.
    package init(_ name: String, _ policy: SignalPolicy) {
        self.name = name
        self.policy = policy
    }

    /// The rules of a profile.
    ///
    /// A telephone that changes networks is no thief, so that gives new secrets at most; another browser with this browser's cookies hardly
    /// happens to an honest user.
    package static func defaults(of profile: GuardSettings.Profile) -> [SignalRule] {
        switch profile {
        case .compatible: []
        case .paranoid:
            [
                SignalRule(self.address, .rotate), SignalRule(self.agent, .challenge), SignalRule(self.hints, .log),
                SignalRule(self.language, .log),
            ]
        case .balanced: [SignalRule(self.address, .log), SignalRule(self.agent, .rotate)]
        }
    }
}

/// What it means that something about a client has changed; what comes later is graver.
package enum SignalPolicy: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Nothing; it is not even looked at.
    case off
    /// The application is told.
    case log
    /// The session gets new secrets as soon as they can do no harm, so that two holders of one jar part.
    case rotate
    /// The session is withheld until the application is satisfied.
    case challenge
    /// The session ends.
    case end

    /// Whether the first is milder.
    package static func < (first: SignalPolicy, second: SignalPolicy) -> Bool { first.rank < second.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
