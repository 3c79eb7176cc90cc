/// The decisions of profile `compatible`; the numbers are those of `CompatibleRules.swift`.
struct CompatibleGuard: Sendable {
    let settings: GuardSettings

    // MARK: Arrival

    /// R4: secure key, fingerprint and nonce, in this order.
    func decide(
        _ credentials: PresentedCredentials,
        on tracking: SessionTracking,
        keys: ServerKeys,
        at now: Timestamp
    ) -> SessionGuard.Arrival {
        // R4.2
        if let key = tracking.secureKey, credentials.isSecure, credentials.secureKey != key { return .reject(.secureKey) }
        let needsSecureKey = tracking.secureKey == nil && credentials.isSecure
        // Only in a record that another profile has written.
        if tracking.isSuspended { return .challenge(.reuse) }
        // R4.3
        guard tracking.fingerprint.isOf(credentials.traits, keys: keys) else { return .reject(.headers) }
        // R4.4
        guard self.settings.nonceTimeout != nil else { return .accept(.off, needsSecureKey: needsSecureKey) }
        guard let reason = tracking.standing(of: credentials.nonce, keys: keys, at: now, self.settings) else { return .reject(.nonce) }
        return .accept(reason, needsSecureKey: needsSecureKey)
    }

    /// R4.6: whatever was wrong, the setting says what becomes of the session.
    var consequence: SessionGuard.Consequence {
        switch self.settings.clearing {
        case .flush: .end
        case .wipe: .wipe
        case .noop: .nothing
        }
    }

    // MARK: Completion

    func needsCommit(_ state: TransactionState, _ tracking: SessionTracking, at now: Timestamp) -> Bool {
        if state.credentials.isSecure && tracking.secureKey == nil { return true }
        return self.isNonceDue(tracking, for: state, at: now) || self.isIdentifierDue(tracking, for: state, at: now)
    }

    /// R5, up to the host's own rule H8.
    func advance(
        _ draft: inout CompletionDraft,
        _ state: TransactionState,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) {
        // A login, or a new identifier, is not forgotten on a path whose requests are not checked.
        guard state.isChecked || (current != nil && state.renewal != .keep) else { return }

        let isNew = draft.record.tracking == nil
        var tracking = self.tracking(of: draft.record, state, stored: current?.tracking, keys: keys, at: now, using: &generator)
        if state.renewal == .all && state.credentials.isSecure { tracking.secureKey = SecureKey(using: &generator) }
        let isDue = self.isIdentifierDue(tracking, for: state, at: now)
        // R5.2b
        if self.isNonceDue(tracking, for: state, at: now) {
            tracking.position &+= 1
            tracking.nonceIssuedAt = now
            let position = tracking.position &+ UInt64(self.settings.nonceWindow)
            draft.changes.nonce = tracking.stream(keys: keys).nonce(at: position)
            draft.isModified = true
        }
        // R5.3
        draft.rotates = current != nil && (state.renewal != .keep || isDue)
        if !isNew { draft.remember(state, in: &tracking, keys: keys) }
        if draft.rotates || isNew { draft.isModified = true }
        if draft.rotates { tracking.identifierIssuedAt = now }
        draft.changes.second = self.secondCookie(of: tracking, for: state) ?? draft.changes.second
        if tracking.secureKey != draft.record.tracking?.secureKey { draft.isModified = true }
        draft.record.tracking = tracking
    }

    /// The tracking to go on with: that of the record (R5.2a), or a new one (R5.1).
    private func tracking(
        of record: SessionRecord,
        _ state: TransactionState,
        stored: SessionTracking?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> SessionTracking {
        let nonceTimeout = self.settings.nonceTimeout
        guard var tracking = record.tracking else {
            // R3
            let fingerprint = Fingerprint(of: state.credentials.traits, keys: keys)
            var new = SessionTracking(boundTo: fingerprint, at: now, using: &generator)
            new.known.complete(with: state.credentials.signals, keys: keys)
            // A wiped session keeps its stream and the age of its identifier: they are read again before it is stored.
            if let stored, state.renewal != .all, let nonceTimeout, nonceTimeout > .zero {
                new.continueStream(of: stored)
                new.identifierIssuedAt = max(new.identifierIssuedAt, stored.identifierIssuedAt)
            }
            return new
        }
        if let seen = state.session?.record.tracking, !state.edits.clears {
            // An accepted request keeps the binding it was accepted by, even if a refused one wiped the session meanwhile.
            tracking.fingerprint = seen.fingerprint
            if tracking.secureKey == nil { tracking.secureKey = seen.secureKey ?? state.freshSecureKey }
            // R5.2a compares times the wrong way round and so does not read again what is as old as the request.
            if let nonceTimeout, state.arrivedAt >= now.advanced(by: nonceTimeout) { tracking.continueStream(of: seen) }
        }
        return tracking
    }

    private func isNonceDue(_ tracking: SessionTracking, for state: TransactionState, at now: Timestamp) -> Bool {
        // One request rotates once, however often it commits.
        guard let timeout = self.settings.nonceTimeout, state.changes.nonce == nil else { return false }
        guard let issued = tracking.nonceIssuedAt else { return true }
        return issued.advanced(by: timeout) < now
    }

    private func isIdentifierDue(_ tracking: SessionTracking, for state: TransactionState, at now: Timestamp) -> Bool {
        let isOld = self.settings.identifierTimeout.map { tracking.identifierIssuedAt.advanced(by: $0) < now } ?? false
        return isOld || (state.signals?.hastensRotation ?? false)
    }

    /// R5.4: the cookie follows the key.
    private func secondCookie(of tracking: SessionTracking, for state: TransactionState) -> SessionCookieChanges.Second? {
        guard state.credentials.isSecure else { return nil }
        guard let key = tracking.secureKey else { return .unusable }
        return key == state.credentials.secureKey ? nil : .set(key)
    }
}
