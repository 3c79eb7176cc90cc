/// The rules by which a request may, or may not, continue a session.
///
/// A guard is a pure value: it reads no clock, draws no randomness of its own and performs no I/O; time, randomness and what is stored
/// are arguments. What the profiles have in common is here; ``ParanoidGuard`` and ``CompatibleGuard`` hold what they decide.
package struct SessionGuard: Sendable {
    /// What is to be done with a request that arrives.
    package enum Arrival: Sendable, Hashable {
        /// There is no session, and this request begins one at once.
        case begin
        /// There is no session; one will be made if the application writes.
        case anonymous
        /// The session is there but not tracked yet: bind it to this request's client.
        case bind
        /// The request continues its session; `needsSecureKey`: it is the first one over HTTPS.
        case accept(GuardReason, needsSecureKey: Bool)
        /// The request is refused its session.
        case reject(GuardReason)
        /// The session waits until the application is satisfied that the request is its owner's.
        case challenge(GuardReason)
    }

    /// What follows for a session that a request was refused.
    package enum Consequence: Sendable, Hashable {
        /// The session stands; the request goes on without it.
        case leave
        /// The session ends.
        case end
        /// The session waits, for all who hold its cookies, until the application is satisfied.
        case suspend
        /// The session loses its values and goes on.
        case wipe
        /// Nothing.
        case nothing
    }

    private enum Policy: Sendable {
        case paranoid(ParanoidGuard)
        case compatible(CompatibleGuard)
    }

    /// The rules in force.
    package let settings: GuardSettings
    private let policy: Policy

    /// Creates a guard.
    package init(settings: GuardSettings) {
        self.settings = settings
        self.policy =
            switch settings.profile {
            case .compatible: .compatible(CompatibleGuard(settings: settings))
            case .paranoid, .balanced: .paranoid(ParanoidGuard(settings: settings))
            }
    }

    // MARK: Arrival

    /// Decides what to do with a request that is to be checked.
    ///
    /// - Parameters:
    ///   - credentials: What the request presents.
    ///   - record: The record of the session it names, if there is one.
    ///   - keys: The keys that belong to the record; needed only where there is one.
    ///   - now: When the request arrived.
    ///   - isCut: Whether it arrived even earlier, see ``GuardSettings/arrivalBound``.
    package func decide(
        _ credentials: PresentedCredentials,
        on record: SessionRecord?,
        keys: ServerKeys?,
        at now: Timestamp,
        isCut: Bool = false
    ) -> Arrival {
        guard let record, let keys else {
            switch self.policy {
            case .paranoid: return .anonymous
            case .compatible: return .begin
            }
        }
        guard let tracking = record.tracking else { return .bind }
        switch self.policy {
        case .paranoid(let policy): return policy.decide(credentials, on: tracking, keys: keys, at: now, isCut: isCut)
        case .compatible(let policy): return policy.decide(credentials, on: tracking, keys: keys, at: now)
        }
    }

    /// What becomes of the session of a request that was refused for a reason.
    package func consequence(of reason: GuardReason, for record: SessionRecord?) -> Consequence {
        switch self.policy {
        case .paranoid(let policy): policy.consequence(of: reason, for: record)
        case .compatible(let policy): policy.consequence
        }
    }

    /// What about the client is not as the session knows it; `nil`: nothing.
    ///
    /// Asked only of a request that was accepted: a client that cannot show the session's secrets learns and changes nothing by looking
    /// different.
    ///
    /// - Parameters:
    ///   - credentials: What the request presents.
    ///   - record: The record of its session.
    ///   - keys: The keys that belong to the record.
    ///   - now: When the request arrived.
    package func changes(
        of credentials: PresentedCredentials,
        on record: SessionRecord?,
        keys: ServerKeys?,
        at now: Timestamp
    ) -> SignalFindings? {
        guard let record, let tracking = record.tracking, let keys else { return nil }
        let findings = tracking.known.findings(on: credentials.signals, keys: keys)
        switch self.policy {
        case .paranoid(let policy): return policy.weighed(findings, credentials, on: record, tracking, keys: keys, at: now)
        case .compatible: return findings
        }
    }

    // MARK: Completion

    /// What is to be done at the end of a request.
    package enum Due: Sendable, Hashable {
        /// Nothing: completing it would store nothing and tell the client nothing.
        case nothing
        /// The client is told what an earlier commit of the request has worked out.
        case response
        /// It is to be completed. Nothing that is stored changes, so no lock is needed.
        case completion
        /// It is to be completed under the session's lock.
        case commit
    }

    /// What is to be done at the end of a request that has a session.
    package func due(after state: TransactionState, keys: ServerKeys, at now: Timestamp) -> Due {
        guard let session = state.session else { return .completion }
        if !state.edits.isEmpty || state.renewal != .keep || self.settings.savesEveryRequest { return .commit }
        switch state.progress {
        case .pending: return .commit
        case .stored where self.settings.behaviour.hasRotationChains:
            // Each request moves the guard on once; what has become due since its commit is the next one's.
            if !state.changes.isEmpty { return .response }
            if !state.progress.tellsClient { return .nothing }
        case .stored, .unchanged: break
        }
        if let signals = state.signals, signals.changes.contains(where: { $0.policy != .rotate }) { return .commit }
        if self.settings.isRenewalDue(of: session.record, storedEnd: session.expiresAt, at: now) { return .commit }
        guard state.isChecked else {
            if case .paranoid = self.policy, state.progress == .unchanged { return .nothing }
            return .completion
        }
        guard let tracking = session.record.tracking else { return .commit }
        switch self.policy {
        case .paranoid(let policy): return policy.due(after: state, session, tracking, keys: keys, at: now)
        case .compatible(let policy): return policy.needsCommit(state, tracking, at: now) ? .commit : .completion
        }
    }

    /// Works out what a request leaves behind, on the record as it is now.
    ///
    /// Called under the session's lock, so that the edits, the guard's own state and the identifier change together or not at all.
    ///
    /// - Parameters:
    ///   - state: What happened since the request arrived.
    ///   - current: The record as it is now; `nil` when there is none under the request's identifier.
    ///   - keys: The keys of the request's identifier, or the newest ones for a session to be made.
    ///   - now: When the response is made.
    ///   - generator: Randomness for what has to be made.
    ///   - body: A change of the values that comes after the request's edits.
    package func complete(
        _ state: TransactionState,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        applying body: ((inout SessionValues) throws -> Void)? = nil
    ) -> SessionCompletion {
        if state.session != nil && current == nil { return SessionCompletion(storing: .gone, changes: SessionCookieChanges()) }

        var record = current ?? SessionRecord(createdAt: now)
        if let failure = state.edits.apply(to: &record) {
            return SessionCompletion(storing: .nothing, changes: state.changes, failure: failure)
        }
        if state.edits.clears { record.tracking = nil }
        if let body {
            do { try body(&record.values) } catch {
                return SessionCompletion(storing: .nothing, changes: state.changes, failure: error)
            }
        }
        var draft = CompletionDraft(record: consume record, changes: state.changes)
        draft.isModified = state.progress.tellsClient || !state.edits.isEmpty || body != nil
        if current != nil && self.settings.isRenewalDue(of: draft.record, storedEnd: state.session?.expiresAt, at: now) {
            draft.isModified = true
        }
        // Whoever logs in proves more than any cookie: nothing that was known of the session before goes on counting.
        if state.renewal == .all { draft.record.tracking = nil }

        switch self.policy {
        case .paranoid(let policy): policy.advance(&draft, state, over: current, keys: keys, at: now, using: &generator)
        case .compatible(let policy): policy.advance(&draft, state, over: current, keys: keys, at: now, using: &generator)
        }
        return self.finish(draft, state, over: current, at: now)
    }

    private func deletesCookies(of state: TransactionState) -> Bool {
        if case .none(.released) = state.standing { return true }
        return self.settings.behaviour.deletesUnknownCookies
    }

    private func finish(
        _ draft: CompletionDraft,
        _ state: TransactionState,
        over current: SessionRecord?,
        at now: Timestamp
    ) -> SessionCompletion {
        var changes = draft.changes
        let isEmpty = current == nil && draft.record.tracking == nil && !draft.hasContent
        changes.maxAge = self.settings.cookieAge(of: draft.record, at: now)
        guard (draft.isModified || self.settings.savesEveryRequest) && !isEmpty else {
            let presentsAny = state.credentials.presentsIdentifier || !state.credentials.logins.isEmpty
            if isEmpty && presentsAny && self.deletesCookies(of: state) {
                changes.identifier = .deleted
                changes.replaced = state.credentials.logins
            }
            return SessionCompletion(storing: .nothing, changes: changes)
        }
        if draft.tellsIdentifier { changes.identifier = .set }
        // A request with an old identifier within the overlap may be the owner's other tab or a thief: neither learns the new one here.
        if state.session?.shown == .superseded && !draft.rotates { changes = SessionCookieChanges(login: changes.login) }
        guard let current else { return SessionCompletion(storing: .create(draft.record), changes: changes) }
        let conflicts = state.edits.conflicts(seen: state.session?.record.values, current: current.values)
        if !draft.rotates, case .stored = state.progress, draft.record == current {
            return SessionCompletion(storing: .nothing, changes: changes)
        }
        return SessionCompletion(
            storing: draft.rotates ? .rotate(draft.record) : .write(draft.record),
            changes: changes,
            conflicts: conflicts,
            confirmed: draft.confirmed,
            found: draft.found
        )
    }
}

/// What a request leaves behind, see ``SessionGuard/complete(_:over:keys:at:using:applying:)``.
package struct SessionCompletion: Sendable {
    /// What is to be stored at the end of a request, or when it commits in between.
    package enum Storing: Sendable, Hashable {
        /// Nothing: what is stored is right.
        case nothing
        /// Nothing, ever: the session ended while the request was under way.
        case gone
        /// This record takes the place of the current one.
        case write(SessionRecord)
        /// A session comes to be, under a new identifier.
        case create(SessionRecord)
        /// This record goes under a new identifier, and the old one ends.
        case rotate(SessionRecord)
    }

    /// An identifier that the client has given up.
    package struct RetiredIdentifier: Sendable, Hashable {
        /// The identifier.
        package var identifier: SessionIdentifier
        /// For how long it was the session's; `nil` where that is not known.
        package var use: Duration?
    }

    /// What is to be stored.
    package var storing: Storing
    /// What the response has to tell the client.
    package var changes: SessionCookieChanges
    /// Why the request's edits cannot be stored; nothing may be stored then.
    package var failure: (any Error)?
    /// How many changes of others this one overwrites.
    package var conflicts = 0
    /// The identifier that the client has given up, as it has shown its successor.
    package var confirmed: RetiredIdentifier?
    /// What about the client is new to the session, and to be told once.
    package var found: [String] = []
}

/// What a request leaves behind, as far as it is worked out.
struct CompletionDraft {
    var record: SessionRecord
    var changes: SessionCookieChanges
    /// Whether there is anything to store, or to tell the client.
    var isModified = false
    /// Whether the record goes under a new identifier.
    var rotates = false
    /// Whether the client is told the identifier where anything is stored.
    var tellsIdentifier = true
    var confirmed: SessionCompletion.RetiredIdentifier?
    /// What about the client is new to the session.
    var found: [String] = []

    /// Whether the application has put anything into the session.
    var hasContent: Bool { !self.record.values.isEmpty || self.record.lifetime != .standard || self.record.authenticatedAt != nil }

    /// Takes note of what is new about the client; where it calls for a rotation, see ``PendingSignals``.
    mutating func remember(_ state: TransactionState, in tracking: inout SessionTracking, keys: ServerKeys) {
        if state.signals == nil && tracking.known.knows(state.credentials.signals, keys: keys) { return }
        let before = tracking.known
        if let findings = state.signals { self.found += tracking.known.remember(findings) }
        tracking.known.complete(with: state.credentials.signals, keys: keys)
        if tracking.known.hasOtherValues(than: before) { self.isModified = true }
    }
}

extension SessionTracking {
    /// Where a nonce stands among the positions of the session's stream at a time; `nil`: it does not count.
    func standing(of nonce: Nonce?, keys: ServerKeys, at now: Timestamp, _ settings: GuardSettings) -> GuardReason? {
        guard let nonce, self.stream(keys: keys).verifies(nonce) else { return nil }
        let current = self.position &+ UInt64(settings.nonceWindow)
        switch nonce.position {
        case current: return .current
        case current &+ 1: return .ahead
        case self.position..<current: return self.isWindowOpen(at: now, settings) ? .window : nil
        default: return nil
        }
    }

    private func isWindowOpen(at now: Timestamp, _ settings: GuardSettings) -> Bool {
        guard let timeout = settings.nonceWindowTimeout else { return true }
        // No nonce was issued yet: nothing can be in the window.
        guard let issued = self.nonceIssuedAt else { return false }
        return now < issued.advanced(by: timeout)
    }
}
