/// One request's dealings with its session, from arrival to completion.
///
/// A value that the pure functions of ``SessionGuard`` read and change; whoever drives them does the I/O between.
public struct SessionVisit: Sendable {
    /// What the request presented.
    public let claim: PresentedCredentials
    /// When it arrived.
    public let arrivedAt: Timestamp
    /// Whether the guard checks it.
    public let isChecked: Bool
    /// What the guard made of it.
    public var verdict: GuardVerdict
    /// Why.
    public var reason: GuardReason?
    /// The session the request belongs to; `nil` while it has none.
    package var identifier: SessionIdentifier?
    /// The record as this request last saw it.
    package var record: SessionRecord?
    /// From when on the session counts as absent as it is stored; `nil` when that is not known.
    public var expiresAt: Timestamp?
    /// What the request wants changed and has not committed.
    public var edits = SessionEdits()
    /// Whether the response has to say which session it is, though no edit is left to commit.
    public var isModified = false
    /// Whether the request already wrote what it has changed so far.
    public var isStored = false
    /// Whether the session is to get a new identifier with this request, due or not.
    public var rotates = false
    /// Whether the session is to get a new second key with this request.
    public var renewsSecureKey = false
    /// Whether the request showed an identifier that was replaced a moment ago: it is served, but told nothing new.
    public var isSuperseded = false
    /// Whether the request showed the identifier before the session's, which the client has never shown: it is told the new one again.
    public var isPending = false
    /// Whether the request was refused its session, which stands, and whose cookies stay with the client.
    public var isRefused = false
    /// Whether the request may have no session at all, as it came over plain HTTP.
    public var isBarred = false
    /// The session that the application has to release first; the request does not see it.
    public private(set) var withheld: Withheld?
    /// What is new about the client and is to be remembered.
    public var signals: SignalFindings?
    /// Whether the session ended while the request was under way: nothing more is stored and no cookie is set.
    public var isGone = false
    /// A second key made for this request in case the session has none yet.
    package var freshSecureKey: SecureKey?
    /// What the response has to tell the client.
    public var changes = SessionCookieChanges()

    /// Begins a visit.
    public init(claim: PresentedCredentials, arrivedAt: Timestamp, isChecked: Bool) {
        self.claim = claim
        self.arrivedAt = arrivedAt
        self.isChecked = isChecked
        self.verdict = isChecked ? .none : .unchecked
        self.identifier = claim.identifier
    }

    /// Leaves the session alone, as this request may not use it: what the request stores goes into a new one.
    public mutating func leave() {
        self.identifier = nil
        self.record = nil
        self.expiresAt = nil
        self.isRefused = true
        self.freshSecureKey = nil
    }

    /// A session that is there, and whose secrets the request has shown, until the application releases it.
    public struct Withheld: Sendable {
        /// Its identifier.
        package let identifier: SessionIdentifier
        /// Its record.
        package let record: SessionRecord
        /// What is to be told to the application.
        public let challenge: SessionChallenge
    }

    /// Whether new values are due as soon as they can do no harm, as something about the client has changed.
    public var hastensRotation: Bool { self.signals?.policy == .rotate }

    /// Keeps the session from the request until ``release()``.
    public mutating func withhold(for reason: GuardReason) {
        guard let identifier = self.identifier, let record = self.record else { return }
        let challenge = SessionChallenge(
            reason: reason,
            user: record.user?.name,
            signals: self.signals?.changes.map(\.name) ?? []
        )
        self.withheld = Withheld(identifier: identifier, record: record, challenge: challenge)
        self.verdict = .challenged
        self.reason = reason
        self.leave()
    }

    /// Gives the request its session after all, under new secrets: whoever else holds the old ones is out.
    public mutating func release() {
        guard let withheld = self.withheld else { return }
        self.identifier = withheld.identifier
        self.record = withheld.record
        self.withheld = nil
        self.isRefused = false
        self.verdict = .accepted
        self.signals = nil
        self.renewSecrets()
    }

    /// Has the session get all its secrets anew, as somebody has just proved to be its owner: who holds the old ones is out.
    public mutating func renewSecrets() {
        self.rotates = true
        self.renewsSecureKey = true
    }

    /// Takes note that the session has ended: nothing more is stored and no cookie is set.
    public mutating func lose() {
        self.isGone = true
        self.identifier = nil
        self.record = nil
        self.expiresAt = nil
    }

    /// Lets go of the session: what the request stores from here on goes into a new one.
    public mutating func detach() {
        self.identifier = nil
        self.record = nil
        self.expiresAt = nil
        self.edits.clear()
        self.isModified = true
        self.isStored = false
        self.freshSecureKey = nil
    }
}
