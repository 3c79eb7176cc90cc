internal import ParanoidHTTP
internal import Synchronization

/// Something that happened to a session, for the application, its log and its counters.
public struct SessionEvent: Sendable, Hashable {
    /// The kinds of events.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A session began.
        case created
        /// It got a new identifier.
        case rotated
        /// A request was refused; see ``SessionEvent/reason``.
        case refused
        /// Two parties hold copies of its cookies: it has ended, or waits for the application, as the rules say.
        case reuse
        /// The client has changed in a way that is noted; see ``SessionEvent/signals``.
        case changed
        /// It is withheld until the application is satisfied.
        case challenged
        /// The application was satisfied.
        case released
        /// A user logged in.
        case login
        /// The session was ended by its own request.
        case logout
        /// Sessions of the user were ended by another one.
        case revoked
        /// A request presented a session whose time is over.
        case expired
        /// A user may not begin one more session.
        case limit
        /// A token that a browser was remembered by has been copied: all sessions of its user have ended.
        case tokenReuse
        /// Many identifiers that name nothing come from one network.
        case guessing
    }

    /// The kind of this event.
    public let kind: Kind
    /// Why; `nil` when there is nothing to say.
    public let reason: GuardReason?
    /// When, by the clock of the sessions.
    public let time: Timestamp
    /// The name of the session in logs, events and tools; `nil` when there is none.
    public let handle: SessionHandle?
    /// The application's name for the user, where one is logged in.
    public let user: String?
    /// The text of the client's address.
    public let client: String
    /// What about the client has changed.
    public let signals: [String]
    /// How many sessions or requests it is about.
    public let count: Int
    let request: RequestTag

    /// The `Request.id` of the request in which it happened.
    public var requestID: String { "\(self.request)" }

    /// Whether somebody should look at it.
    public var isAlarm: Bool { self.kind == .reuse || self.kind == .tokenReuse || self.kind == .guessing }
}

extension SessionEvent: CustomStringConvertible {
    /// Says what happened, and nothing that is personal or secret.
    public var description: String { "SessionEvent(\(self.kind.rawValue), \(self.reason?.rawValue ?? "-"))" }
}

/// What has happened to the sessions of this process since it started.
package final class SessionStatistics: Sendable {
    private let overwritten = Atomic<Int>(0)
    private let events = Mutex([Int](repeating: 0, count: SessionEvent.Kind.allCases.count))

    /// How often a request replaced a value as a whole that another one had changed since it was read; the later one has won.
    ///
    /// Where that matters, ``Session/merge(_:default:_:)`` and ``Session/update(_:default:_:)`` lose nothing.
    package var conflicts: Int { self.overwritten.load(ordering: .relaxed) }

    /// How often something happened to a session.
    package func count(of kind: SessionEvent.Kind) -> Int { self.events.withLock { $0[Self.index(kind)] } }

    private static func index(_ kind: SessionEvent.Kind) -> Int { SessionEvent.Kind.allCases.firstIndex(of: kind) ?? 0 }

    func count(_ kind: SessionEvent.Kind) {
        let index = Self.index(kind)
        self.events.withLock { $0[index] += 1 }
    }

    func count(conflicts: Int) {
        if conflicts > 0 { self.overwritten.add(conflicts, ordering: .relaxed) }
    }
}
