/// What a request knows of its session, from its arrival to its response.
///
/// A value that the pure functions of ``SessionGuard`` read; ``SessionTransaction`` does the I/O between. A copy is one reference, and
/// whoever changes it gets their own: a question of another task sees the state before or after a change, and nothing is copied for it.
package struct TransactionState: Sendable {
    private struct Contents: Sendable {
        let arrivedAt: Timestamp
        let isCut: Bool
        let isChecked: Bool
        var verdict: GuardVerdict
        var reason: GuardReason?
        var standing = Standing.none(.absent)
        var edits = SessionEdits()
        var renewal = SecretRenewal.keep
        var progress = Progress.unchanged
        var signals: SignalFindings?
        var freshSecureKey: SecureKey?
        var changes = SessionCookieChanges()
    }

    /// Changed only by a state that has it for itself.
    private final class Storage: @unchecked Sendable {
        // Apart from what changes, so that a look makes no copy.
        let credentials: PresentedCredentials
        // Read by all who share it, changed by the only one who has it: a check at each access would find nothing.
        @exclusivity(unchecked) var contents: Contents

        init(_ credentials: PresentedCredentials, _ contents: Contents) {
            self.credentials = credentials
            unsafe self.contents = contents
        }
    }

    private var storage: Storage

    private mutating func own() -> Storage {
        if !isKnownUniquelyReferenced(&self.storage) { self.storage = unsafe Storage(self.storage.credentials, self.storage.contents) }
        return self.storage
    }

    /// What the request presented.
    package var credentials: PresentedCredentials {
        @inline(__always) get { self.storage.credentials }
    }
    /// When it arrived.
    package var arrivedAt: Timestamp { unsafe self.storage.contents.arrivedAt }
    /// Whether it arrived even earlier, see ``GuardSettings/arrivalBound``: it is given no new nonce and proves nothing.
    package var isCut: Bool { unsafe self.storage.contents.isCut }
    /// Whether the guard checks it.
    package var isChecked: Bool { unsafe self.storage.contents.isChecked }
    /// What the guard made of it.
    package var verdict: GuardVerdict {
        @inline(__always) get { unsafe self.storage.contents.verdict }
        @inline(__always) _modify { yield unsafe &self.own().contents.verdict }
    }
    /// Why.
    package var reason: GuardReason? {
        @inline(__always) get { unsafe self.storage.contents.reason }
        @inline(__always) _modify { yield unsafe &self.own().contents.reason }
    }
    /// The session.
    package var standing: Standing {
        @inline(__always) get { unsafe self.storage.contents.standing }
        @inline(__always) _modify { yield unsafe &self.own().contents.standing }
    }
    /// What the request wants changed and has not committed.
    package var edits: SessionEdits {
        @inline(__always) get { unsafe self.storage.contents.edits }
        @inline(__always) _modify { yield unsafe &self.own().contents.edits }
    }
    /// Which secrets of the session are to be replaced with this request, due or not.
    package var renewal: SecretRenewal {
        @inline(__always) get { unsafe self.storage.contents.renewal }
        @inline(__always) _modify { yield unsafe &self.own().contents.renewal }
    }
    /// How far the request has come with storing what it changes.
    package var progress: Progress {
        @inline(__always) get { unsafe self.storage.contents.progress }
        @inline(__always) _modify { yield unsafe &self.own().contents.progress }
    }
    /// What is new about the client and is to be remembered.
    package var signals: SignalFindings? {
        @inline(__always) get { unsafe self.storage.contents.signals }
        @inline(__always) _modify { yield unsafe &self.own().contents.signals }
    }
    /// A secure key made for this request in case the session has none yet.
    package var freshSecureKey: SecureKey? {
        @inline(__always) get { unsafe self.storage.contents.freshSecureKey }
        @inline(__always) _modify { yield unsafe &self.own().contents.freshSecureKey }
    }
    /// What the response has to tell the client.
    package var changes: SessionCookieChanges {
        @inline(__always) get { unsafe self.storage.contents.changes }
        @inline(__always) _modify { yield unsafe &self.own().contents.changes }
    }

    /// Begins with a request that has no session so far.
    package init(credentials: PresentedCredentials, arrivedAt: Timestamp, isCut: Bool = false, isChecked: Bool) {
        let verdict: GuardVerdict = isChecked ? .none : .unchecked
        self.storage = Storage(
            credentials,
            Contents(arrivedAt: arrivedAt, isCut: isCut, isChecked: isChecked, verdict: verdict)
        )
        self.changes.login = credentials.login
    }

    /// How a request stands to a session.
    package enum Standing: Sendable {
        /// It has none.
        case none(Absence)
        /// It has shown the secrets of one and does not see it until the application releases it.
        case withheld(Withheld)
        /// It has one.
        case open(OpenSession)
        /// Its session ended while it was under way: nothing more is stored and no cookie is set.
        case ended
        /// It came over plain HTTP, where no session exists: nothing is stored and no cookie is set.
        case barred
    }

    /// Why a request has no session.
    package enum Absence: Sendable, Hashable {
        /// It presents none that exists; what it stores goes into a new one.
        case absent
        /// It was refused one, which stands, and whose cookies stay with the client.
        case refused
        /// Another site has sent it, and it could not bring cookies; `hasNone`: it would have brought them, if the client had any.
        case crossSite(hasNone: Bool)
        /// It presents one that has ended a short while ago: it may have been sent before the client learnt of that, or of the login that has taken
        /// its place. Whatever cookies the client has by now stay.
        case gone
        /// It has ended the one it had; what it stores goes into a new one.
        case released
    }

    /// A session that is there, and whose secrets the request has shown, until the application releases it.
    package struct Withheld: Sendable {
        /// The session.
        package let session: OpenSession
        /// What is to be told to the application.
        package let challenge: SessionChallenge
    }

    /// How far a request has come with storing what it changes.
    package enum Progress: Sendable, Hashable {
        /// Nothing is to be stored, apart from edits.
        case unchanged
        /// The guard's part is to be stored, and the response says which session it is.
        case pending
        /// What has changed so far is stored; `tellsClient`: the response says which session it is.
        case stored(tellsClient: Bool)

        /// Whether the response has to say which session it is, though no edit is left to commit.
        var tellsClient: Bool { self == .pending || self == .stored(tellsClient: true) }
    }

    /// The session that the request reads and writes; `nil` while it has none.
    package var session: OpenSession? {
        get {
            switch self.standing {
            case .open(let session): session
            case .none, .withheld, .ended, .barred: nil
            }
        }
        set {
            switch (self.standing, newValue) {
            case (_, let session?): self.standing = .open(session)
            case (.open, nil): self.standing = .none(.released)
            case (.none, nil), (.withheld, nil), (.ended, nil), (.barred, nil): break
            }
        }
    }

    /// The session that the application has to release first.
    package var withheld: Withheld? {
        if case .withheld(let withheld) = self.standing { withheld } else { nil }
    }

    /// Who is logged in as this request sees it.
    var user: SessionUser? {
        if let edited = self.edits.user { return edited }
        return self.edits.clears ? nil : self.session?.record.user
    }

    /// The value of a name as this request sees it: its own edits over what is stored.
    func value(of name: String) -> [UInt8]? {
        if self.edits.isEmpty { return self.session?.record.values.bytes(of: name.utf8) }
        return self.edits.value(of: Array(name.utf8), over: self.session?.record.values)
    }

    /// Whether what the request stores is kept for the request alone, as its client may have a session that it must not replace.
    ///
    /// Not where it logs a user in: who asks for that wants a session of their own.
    var isTransient: Bool {
        if self.edits.user != nil { return false }
        switch self.standing {
        case .none(.refused), .none(.crossSite), .none(.gone), .withheld: return true
        case .none(.absent), .none(.released), .open, .ended, .barred: return false
        }
    }

    // MARK: Transitions

    /// Lets go of a session that this request may not use.
    package mutating func detach() {
        self.standing = .none(.refused)
        self.freshSecureKey = nil
    }

    /// Keeps the session from the request until ``release()``.
    package mutating func withhold(for reason: GuardReason) {
        guard case .open(let session) = self.standing else { return }
        let challenge = SessionChallenge(
            reason: reason,
            user: session.record.user?.name,
            signals: self.signals?.changes.map(\.name) ?? []
        )
        self.standing = .withheld(Withheld(session: session, challenge: challenge))
        self.verdict = .challenged
        self.reason = reason
        self.freshSecureKey = nil
    }

    /// Gives the request its session after all, under new secrets: whoever else holds the old ones is out.
    package mutating func release() {
        guard let withheld = self.withheld else { return }
        self.standing = .open(withheld.session)
        self.edits.dropFound()
        self.verdict = .accepted
        self.signals = nil
        self.renewal = .all
    }

    /// Takes note that the session has ended: nothing more is stored and no cookie is set.
    package mutating func markEnded() {
        self.standing = .ended
    }

    /// Takes note that the request itself has ended its session: what it stores from here on goes into a new one.
    package mutating func forget() {
        switch self.standing {
        case .none, .withheld, .open, .ended: self.standing = .none(.released)
        case .barred: break
        }
        self.edits.clear()
        self.progress = .pending
        self.freshSecureKey = nil
    }
}

/// A session that a request reads and writes.
package struct OpenSession: Sendable {
    /// Which identifier of a session a request has shown.
    package enum Shown: Sendable, Hashable {
        /// The session's own.
        case current
        /// One that was replaced a moment ago: the request is served and told nothing new.
        case superseded
        /// The one before the session's own, which the client has never shown: it is told the new one again.
        case pending
    }

    /// Its identifier.
    package var identifier: SessionIdentifier
    /// The record as this request last saw it.
    package var record: SessionRecord
    /// From when on the session counts as absent as it is stored; `nil` when that is not known.
    package var expiresAt: Timestamp?
    /// Which of its identifiers the request has shown.
    package var shown: Shown

    /// Describes a session.
    package init(identifier: SessionIdentifier, record: SessionRecord, expiresAt: Timestamp? = nil, shown: Shown = .current) {
        self.identifier = identifier
        self.record = record
        self.expiresAt = expiresAt
        self.shown = shown
    }
}

/// Which secrets of a session are replaced with a request.
package enum SecretRenewal: Sendable, Hashable {
    /// Those that are due.
    case keep
    /// The identifier.
    case identifier
    /// All of them, as somebody has just proved to be the owner: who holds the old ones is out.
    case all
}
