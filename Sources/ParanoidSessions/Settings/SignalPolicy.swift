/// What it means that something about a client has changed; what comes later is graver.
public enum SignalPolicy: String, Sendable, Hashable, CaseIterable, Comparable {
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
    public static func < (first: SignalPolicy, second: SignalPolicy) -> Bool { first.rank < second.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
