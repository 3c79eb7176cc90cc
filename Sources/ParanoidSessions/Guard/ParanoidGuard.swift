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

    // MARK: Signals

    /// What is new about a client, with what follows by now.
    ///
    /// A new network is served while it can have shown nothing yet of what it was given. One that was given new values and shows none is
    /// withheld, and so is a client that shows none in several rounds.
    func weighed(
        _ findings: SignalFindings?,
        _ credentials: PresentedCredentials,
        on record: SessionRecord,
        _ tracking: SessionTracking,
        keys: ServerKeys,
        at now: Timestamp
    ) -> SignalFindings? {
        var changes = findings?.changes ?? []
        let isPending = findings?.hastensRotation == true && !tracking.pending.entries.isEmpty
        let bounds = self.settings.rotationBounds(of: record)
        let inVain = bounds.flatMap { tracking.chain?.roundsInVain(at: now, $0) } ?? 0
        guard isPending || inVain >= RotationChain.tooManyRounds else { return findings }
        let value = credentials.nonce.flatMap { tracking.stream(keys: keys).value(of: $0) }
        if isPending {
            var pending = tracking.pending
            if let value {
                _ = pending.confirm(value)
                // The jar has taken new values, if not those: an answer that began in another network came last.
                if let chain = tracking.chain, value.generation > chain.generation { pending.moveOn() }
            }
            changes = changes.map { change in
                let isExhausted = change.policy == .rotate && pending.isExhausted(change, at: now, delay: self.settings.delayBound)
                return isExhausted ? change.meaning(.challenge) : change
            }
        }
        if inVain >= RotationChain.tooManyRounds, value?.generation == tracking.chain?.generation,
            let policy = self.settings.ignoredCookies.policy(for: record)
        {
            changes.append(SignalFindings.Change(name: SignalRule.cookies, policy: policy, code: SecretBytes()))
        }
        return changes.isEmpty ? nil : SignalFindings(changes: changes, sourceCode: findings?.sourceCode ?? tracking.known.sourceCode)
    }

    // MARK: Completion

    func due(
        after state: TransactionState,
        _ session: OpenSession,
        _ tracking: SessionTracking,
        keys: ServerKeys,
        at now: Timestamp
    ) -> SessionGuard.Due {
        var (gives, mayRotate) = (false, session.shown != .superseded)
        if let bounds = self.settings.rotationBounds(of: session.record) {
            guard let chain = tracking.chain else { return .commit }
            if let turn = self.turn(chain, of: tracking, for: state, at: now, bounds, keys: keys) {
                if turn.chain != chain || turn.pending != tracking.pending { return .commit }
                gives = turn.gives
            }
            mayRotate = mayRotate && gives
        } else if let signals = state.signals, tracking.pending.isFirst(for: signals) {
            return .commit
        }
        if tracking.predecessor != nil && state.credentials.identifier == session.identifier { return .commit }
        if mayRotate && self.isIdentifierDue(tracking, for: state, at: now) { return .commit }
        let isAsKnown =
            state.signals == nil && session.shown == .current && tracking.known.knows(state.credentials.signals, keys: keys)
            && (tracking.secureKey == nil || tracking.secureKey == state.credentials.secureKey)
        return isAsKnown && !gives && state.progress == .unchanged ? .nothing : .completion
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
                if let turn { self.take(turn, into: &tracking, &draft, state, keys: keys, using: &generator) }
                isDue = isDue && turn?.gives == true
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
        if !tracking.hasChain, !isNew, let signals = state.signals {
            draft.found += tracking.pending.note(signals, generation: 0)
            if isDue { tracking.pending.carry(tracking.pending.places(of: signals), at: now, delay: self.settings.delayBound) }
            draft.isModified = draft.isModified || !draft.found.isEmpty
        }
        if tracking.predecessor != nil && state.credentials.identifier == state.session?.identifier {
            // The client has the identifier: the one before it is done with.
            if !tracking.hasChain { for entry in tracking.pending.confirmAll() { tracking.known.remember(entry) } }
            draft.confirmed = tracking.predecessor.map { predecessor in
                let use = predecessor.issuedAt.map { $0.duration(to: tracking.identifierIssuedAt) }
                return SessionCompletion.RetiredIdentifier(identifier: predecessor.identifier, use: use)
            }
            tracking.predecessor = nil
            draft.isModified = true
        }
        let isAskedFor = state.renewal == .identifier
        if tracking.predecessor != nil && state.renewal != .all {
            // The client has not shown the identifier that it was given last: it is given this one again, and none beside it.
            draft.tellsIdentifier = draft.tellsIdentifier || isAskedFor
            draft.isModified = draft.isModified || isAskedFor
        } else {
            draft.rotates = current != nil && (state.renewal != .keep || (state.session?.shown != .superseded && isDue))
        }
        if !isNew { draft.remember(state, in: &tracking, keys: keys) }
        if draft.rotates || isNew || state.session?.shown == .pending { draft.isModified = true }
        if draft.rotates { tracking.identifierIssuedAt = now }
        draft.tellsIdentifier = draft.tellsIdentifier || isNew || draft.rotates || draft.changes.nonce != nil
        // All three together, so that a jar holds those of one session, whichever answer comes last.
        let isTold = draft.isModified && draft.tellsIdentifier
        draft.changes.second = self.secondCookie(of: tracking, for: state, isTold: isTold) ?? draft.changes.second
        self.name(&draft.changes, for: state, isBegun: current == nil)
        if tracking.secureKey != draft.record.tracking?.secureKey { draft.isModified = true }
        if tracking != draft.record.tracking { draft.record.tracking = tracking }
    }

    /// Says whose names the cookies of a session have that begins, or that a login or another proof has put under new secrets.
    private func name(_ changes: inout SessionCookieChanges, for state: TransactionState, isBegun: Bool) {
        let isLogin = state.renewal == .all || (isBegun && state.edits.user != nil)
        guard isBegun || isLogin else { return }
        changes.replaced = state.credentials.logins
        changes.login = isLogin ? changes.login.next(besides: state.credentials.logins) : .visitor
    }

    /// What a request does to a chain and to what is pending.
    private struct Turn {
        var chain: RotationChain
        var pending: PendingSignals
        /// Whether the response gives a new value.
        var gives = false
        /// What has turned out to be the owner's.
        var confirmed: [PendingSignals.Entry] = []
        /// What is new and to be told.
        var found: [String] = []
    }

    /// Takes over what a request does to a chain.
    private func take(
        _ turn: Turn,
        into tracking: inout SessionTracking,
        _ draft: inout CompletionDraft,
        _ state: TransactionState,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) {
        if turn.gives {
            // The number says to what of the client it is given, see PendingSignals.
            let number = generator.next() & ~PendingSignals.placeBits | turn.pending.places(of: state.signals)
            let value = RotationChain.Value(generation: turn.chain.generation &+ 1, number: number)
            draft.changes.nonce = tracking.stream(keys: keys).nonce(of: value)
        }
        let (movesChain, movesPending) = (turn.chain != tracking.chain, turn.pending != tracking.pending)
        if turn.gives || movesChain || movesPending { draft.isModified = true }
        draft.found += turn.found
        for entry in turn.confirmed { tracking.known.remember(entry) }
        if movesChain { tracking.chain = turn.chain }
        if movesPending { tracking.pending = turn.pending }
    }

    /// What a request's value does to a chain, and whether the response gives a new one; `nil`: nothing.
    private func turn(
        _ chain: RotationChain,
        of tracking: SessionTracking,
        for state: TransactionState,
        at now: Timestamp,
        _ bounds: RotationChain.Bounds,
        keys: ServerKeys
    ) -> Turn? {
        guard state.isChecked, !state.isCut, let value = state.credentials.nonce.flatMap({ tracking.stream(keys: keys).value(of: $0) })
        else { return nil }
        let isAskedFor = state.renewal != .keep
        let hastens = state.signals?.hastensRotation ?? false
        let exchange = RotationChain.Exchange(
            value,
            arrivedAt: state.arrivedAt,
            // Each request is given one value, however often it commits.
            isLate: state.reason == .window || state.changes.nonce != nil,
            // Not at once, also where the application asks for it: a late response would bring an older value back.
            isHastened: isAskedFor || hastens
        )
        let hasNews = state.signals != nil || !tracking.pending.entries.isEmpty
        if !hasNews && chain.rests(at: exchange, completedAt: now, bounds) { return nil }
        var turn = Turn(chain: chain, pending: tracking.pending)
        turn.chain.recall(at: now, bounds)
        // A client that is served ahead of time, or in the background, may never see the response's cookies.
        // In a new network every response is an occasion: the client chooses what it says of itself.
        let isOccasion = { isAskedFor || hastens || state.credentials.mayRotate() }
        turn.gives = turn.chain.complete(exchange, at: now, bounds, isOccasion: isOccasion)
        if let signals = state.signals { turn.found = turn.pending.note(signals, generation: turn.chain.generation) }
        turn.confirmed = turn.pending.confirm(value)
        if turn.chain.generation != chain.generation { turn.pending.moveOn() }
        if turn.gives { turn.pending.carry(turn.pending.places(of: state.signals), at: now, delay: bounds.delay) }
        let isSixthRound = chain.rounds.count == RotationChain.tooManyRounds && turn.chain.rounds.count > chain.rounds.count
        if isSixthRound && self.settings.ignoredCookies != .off { turn.found.append(SignalRule.cookies) }
        return turn
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
        // A time in the future is one of a clock that was wrong.
        let issuedAt = tracking.identifierIssuedAt
        let isOld = self.settings.identifierTimeout.map { issuedAt.advanced(by: $0) < now || now.advanced(by: $0) < issuedAt } ?? false
        // Once for all that is new; where values form a chain it goes out with these, which wait for an occasion.
        let isSpaced = issuedAt.advanced(by: self.settings.delayBound + self.settings.delayBound) <= now
        if isSpaced, let signals = state.signals, tracking.pending.isFirst(for: signals) { return true }
        return isOld && (tracking.hasChain || state.credentials.mayRotate())
    }

    /// The second cookie: where the client has not shown its key, and again with what else is told.
    private func secondCookie(
        of tracking: SessionTracking,
        for state: TransactionState,
        isTold: Bool
    ) -> SessionCookieChanges.Second? {
        guard state.credentials.isSecure, let key = tracking.secureKey else { return nil }
        return isTold || key != state.credentials.secureKey ? .set(key) : nil
    }
}
