/// The decisions of the profiles `paranoid` and `balanced`: values in a chain that proves a copied jar, and a session that stands unless
/// a theft is proven.
struct ParanoidGuard: Sendable {
    let settings: GuardSettings

    // MARK: Arrival

    func decide(
        _ credentials: PresentedCredentials,
        on tracking: SessionTracking,
        keys: ServerKeys,
        at now: Timestamp,
        isCut: Bool
    ) -> SessionGuard.Arrival {
        // A session that has a key is one of HTTPS: over plain HTTP the same cookies are nobody's.
        if let key = tracking.secureKey {
            guard credentials.isSecure && credentials.secureKey == key else { return .reject(.secureKey) }
        }
        if tracking.isSuspended { return .challenge(.reuse) }
        guard tracking.fingerprint.isOf(credentials.traits, keys: keys) else { return .reject(.headers) }
        guard let bounds = self.settings.rotationBounds else { return .accept(.off, needsSecureKey: false) }
        let value = credentials.nonce.flatMap { tracking.stream(keys: keys).value(of: $0) }
        guard var chain = tracking.chain else {
            // Given by a chain that cannot be read any more, as another version has written it.
            if value != nil { return .accept(.current, needsSecureKey: false) }
            // Begun in another profile: the position in the stream counts until the first value of a chain is given.
            let reason = tracking.standing(of: credentials.nonce, keys: keys, at: now, self.settings)
            return reason.map { .accept($0, needsSecureKey: false) } ?? .reject(.nonce)
        }
        guard let value else { return .reject(.nonce) }
        switch chain.show(value, at: now, bounds) {
        case .current: return .accept(isCut ? .window : .current, needsSecureKey: false)
        case .late: return .accept(.window, needsSecureKey: false)
        // Nobody knows what the jar could hold when it really arrived.
        case .reuse: return .reject(isCut ? .nonce : .reuse)
        }
    }

    /// Only proof that the jar was copied ends a session, or all its secrets from a client that the rules do not let have it: nobody can use
    /// anything less to log its owner out.
    ///
    /// A session without a user ends on proof: there is nobody who could be asked for a password.
    func consequence(of reason: GuardReason, for record: SessionRecord?) -> SessionGuard.Consequence {
        switch reason {
        case .reuse: self.settings.reuse == .challenge && record?.user != nil ? .suspend : .end
        case .signals: .end
        default: .leave
        }
    }

    // MARK: Completion

    func needsCommit(
        _ state: TransactionState,
        _ session: OpenSession,
        _ tracking: SessionTracking,
        keys: ServerKeys,
        at now: Timestamp
    ) -> Bool {
        if let bounds = self.settings.rotationBounds(of: session.record) {
            guard let chain = tracking.chain else { return true }
            if self.turn(chain, of: tracking, for: state, at: now, bounds, keys: keys).chain != chain { return true }
        }
        if tracking.predecessor != nil && state.credentials.identifier == session.identifier { return true }
        return session.shown != .superseded && self.isIdentifierDue(tracking, for: state, at: now)
    }

    /// Moves the guard's own part of a record on.
    func advance(
        _ draft: inout CompletionDraft,
        _ state: TransactionState,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) {
        // Where values form a chain, cookies go out with its values only, so that no late answer brings an old identifier back.
        draft.tellsIdentifier =
            self.settings.rotationBounds == nil || current == nil || state.session?.shown == .pending || state.edits.lifetime != nil
        // A login, or a new identifier, is not forgotten on a path whose requests are not checked.
        let changesIdentity = current != nil && state.renewal != .keep
        let tracks =
            state.isChecked ? (current != nil || draft.hasContent) : (changesIdentity || (current == nil && draft.hasContent))
        guard tracks else { return }

        let isNew = draft.record.tracking == nil
        var tracking = draft.record.tracking ?? self.newTracking(for: state, keys: keys, at: now, using: &generator)
        if !isNew, let seen = state.session?.record.tracking, tracking.secureKey == nil { tracking.secureKey = seen.secureKey }
        var isDue = self.isIdentifierDue(tracking, for: state, at: now)
        if let bounds = self.settings.rotationBounds(of: draft.record) {
            if !isNew, let chain = tracking.chain {
                let turn = self.turn(chain, of: tracking, for: state, at: now, bounds, keys: keys)
                tracking.chain = turn.chain
                if turn.gives {
                    let value = RotationChain.Value(generation: turn.chain.generation &+ 1, number: generator.next())
                    draft.changes.nonce = tracking.stream(keys: keys).nonce(of: value)
                }
                if turn.gives || turn.chain != chain { draft.isModified = true }
                isDue = isDue && turn.gives
            } else if let value = state.credentials.nonce.flatMap({ tracking.stream(keys: keys).value(of: $0) }) {
                tracking.chain = RotationChain(resumingAt: value, at: state.arrivedAt)
                draft.isModified = true
            } else {
                // The first value of a new chain; a session from before there were chains gets one as well.
                tracking.chain = RotationChain(at: now)
                let value = RotationChain.Value(generation: 0, number: generator.next())
                draft.changes.nonce = tracking.stream(keys: keys).nonce(of: value)
                draft.isModified = true
            }
        }
        if tracking.predecessor != nil && state.credentials.identifier == state.session?.identifier {
            // The client has the identifier: the one before it is done with.
            draft.confirmed = tracking.predecessor
            tracking.predecessor = nil
            draft.isModified = true
        }
        draft.rotates = current != nil && (state.renewal != .keep || (state.session?.shown != .superseded && isDue))
        if !isNew { draft.remember(state, in: &tracking, keys: keys) }
        if draft.rotates || isNew || state.session?.shown == .pending { draft.isModified = true }
        if draft.rotates { tracking.identifierIssuedAt = now }
        draft.changes.second = self.secondCookie(of: tracking, for: state, isModified: draft.isModified, at: now) ?? draft.changes.second
        if tracking.secureKey != draft.record.tracking?.secureKey { draft.isModified = true }
        if tracking != draft.record.tracking { draft.record.tracking = tracking }
        draft.tellsIdentifier = draft.tellsIdentifier || isNew || draft.rotates || draft.changes.nonce != nil
    }

    /// What a request's value does to a chain, and whether the response gives a new one.
    private func turn(
        _ chain: RotationChain,
        of tracking: SessionTracking,
        for state: TransactionState,
        at now: Timestamp,
        _ bounds: RotationChain.Bounds,
        keys: ServerKeys
    ) -> (chain: RotationChain, gives: Bool) {
        guard state.isChecked, !state.isCut, let value = state.credentials.nonce.flatMap({ tracking.stream(keys: keys).value(of: $0) })
        else { return (chain, false) }
        var after = chain
        after.recall(at: now, bounds)
        let isAskedFor = state.renewal != .keep
        let exchange = RotationChain.Exchange(
            value,
            arrivedAt: state.arrivedAt,
            // Each request is given one value, however often it commits.
            isLate: state.reason == .window || state.changes.nonce != nil,
            // Not at once, also where the application asks for it: a late response would bring an older value back.
            isHastened: isAskedFor || state.hastensRotation
        )
        // A client that is served ahead of time, or in the background, may never see the response's cookies.
        let gives = after.complete(exchange, at: now, bounds, isOccasion: { isAskedFor || state.credentials.mayRotate() })
        return (after, gives)
    }

    /// A session is bound at once, and gets its secure key at once if it begins over HTTPS: not for whoever comes first over it.
    private func newTracking(
        for state: TransactionState,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> SessionTracking {
        let fingerprint = Fingerprint(of: state.credentials.traits, keys: keys)
        var tracking = SessionTracking(boundTo: fingerprint, at: now, using: &generator)
        tracking.known.complete(with: state.credentials.signals, keys: keys)
        if state.credentials.isSecure { tracking.secureKey = SecureKey(using: &generator) }
        return tracking
    }

    private func isIdentifierDue(_ tracking: SessionTracking, for state: TransactionState, at now: Timestamp) -> Bool {
        let isOld = self.settings.identifierTimeout.map { tracking.identifierIssuedAt.advanced(by: $0) < now } ?? false
        return (isOld || state.hastensRotation) && state.credentials.mayRotate()
    }

    /// The second cookie: where the client has not shown its key, and again with what else is told, so that it lives as long.
    private func secondCookie(
        of tracking: SessionTracking,
        for state: TransactionState,
        isModified: Bool,
        at now: Timestamp
    ) -> SessionCookieChanges.Second? {
        guard state.credentials.isSecure, let key = tracking.secureKey else { return nil }
        if key != state.credentials.secureKey { return .set(key) }
        // Not soon after a change of keys: an older answer that arrives late must not bring the old one back.
        guard isModified, state.changes.second == nil else { return nil }
        return tracking.identifierIssuedAt.advanced(by: .seconds(60)) < now ? .set(key) : nil
    }
}
