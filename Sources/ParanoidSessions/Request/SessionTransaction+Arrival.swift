internal import ParanoidHTTP
internal import Logging

// From what a request presents to what it knows of its session: reading, checking, and what follows a refusal.
extension SessionTransaction {
    /// What follows for a request from its first look at its session.
    private enum Sequel {
        case nothing
        /// It came over plain HTTP, where no session exists.
        case bar
        /// It names a session that does not exist.
        case guess
        // These take the store, or the application.
        case begin
        case bind
        case refuse(GuardReason)
        case challenge(GuardReason)
        case endChanged
    }

    /// Reads and checks the session, without waiting; `nil`: it takes ``arrive()``.
    func arriveNow() throws(SessionStoreError) -> TransactionState? {
        var locked: SessionRepository.Locked?
        return try self.arriveNow(locks: false, &locked)
    }

    /// The same under the session's lock, which the caller gets with it, where nobody holds it.
    func arriveNow(locking locked: inout SessionRepository.Locked?) throws(SessionStoreError) -> TransactionState? {
        try self.arriveNow(locks: true, &locked)
    }

    private func arriveNow(
        locks: Bool,
        _ locked: inout SessionRepository.Locked?
    ) throws(SessionStoreError) -> TransactionState? {
        if self.isPostponed { return nil }
        let (credentials, isChecked) = self.presented()
        guard credentials.candidates == nil else { return self.postpone(credentials, isChecked) }
        var session: OpenSession?
        if let identifier = credentials.identifier, !self.isBarred(credentials) {
            let now = self.arrival.time
            if locks, let lock = try self.context.repository.lockNow(identifier, at: now) {
                session = OpenSession(identifier: identifier, record: lock.opened.record, expiresAt: lock.opened.expiresAt)
                locked = consume lock
            } else {
                switch try self.context.repository.openNow(identifier, at: now) {
                case .found(let found):
                    session = OpenSession(identifier: identifier, record: found.record, expiresAt: found.expiresAt)
                case .later: return self.postpone(credentials, isChecked)
                case .absent: break
                }
            }
            if let session, self.settings.isOver(session.record, at: now) {
                locked = nil
                return self.postpone(credentials, isChecked)
            }
        }
        let (state, sequel) = self.judge(consume credentials, isChecked, session)
        switch sequel {
        case .nothing: break
        case .bar: if state.credentials.presentsIdentifier { self.tell(.refused, state) }
        case .guess: self.noteGuess(state)
        case .begin, .bind, .refuse, .challenge, .endChanged:
            locked = nil
            return self.postpone(state.credentials, isChecked)
        }
        return state
    }

    /// Keeps what the request presents for ``arrive()``, so that the application is not asked twice.
    private func postpone(_ credentials: PresentedCredentials, _ isChecked: Bool) -> TransactionState? {
        self.show(self.began(credentials, isChecked))
        return nil
    }

    /// Reads and checks the session; goes on where ``arriveNow()`` had to wait.
    func arrive() async throws(SessionStoreError) -> TransactionState {
        let now = self.arrival.time
        let shown = self.knownState
        let isChecked = shown.isChecked
        let choice = try await self.chosen(shown.credentials, at: now)
        guard let credentials = choice else { return self.refuseAmbiguous(shown.credentials, isChecked) }
        var session: OpenSession?
        var isGone = false
        if let identifier = credentials.identifier, !self.isBarred(credentials) {
            session = try await self.open(identifier, for: self.began(credentials, isChecked), &isGone)
        }
        var (state, sequel) = self.judge(credentials, isChecked, session)
        if isGone, case .none(.absent) = state.standing {
            state.standing = .none(.gone)
            state.reason = .ended
            return state
        }
        switch sequel {
        case .nothing: break
        case .bar: if credentials.presentsIdentifier { self.tell(.refused, state) }
        case .guess: self.noteGuess(state)
        case .begin:
            if state.reason == .unknown { self.noteGuess(state) }
            try await self.begin(&state)
        case .bind: try await self.bind(&state)
        case .refuse(let reason): try await self.refuse(&state, reason)
        case .challenge(let reason): await self.challenge(&state, reason)
        case .endChanged:
            self.tell(.changed, state)
            try await self.refuse(&state, .signals)
        }
        return state
    }

    private func presented() -> (credentials: PresentedCredentials, isChecked: Bool) {
        (self.context.cookies.credentials(of: self.request) { self.context.repository.proven(of: $0) }, self.isChecked)
    }

    private func began(_ credentials: consuming PresentedCredentials, _ isChecked: Bool) -> TransactionState {
        let arrival = self.arrival
        return TransactionState(credentials: credentials, arrivedAt: arrival.time, isCut: arrival.isCut, isChecked: isChecked)
    }

    /// Over plain HTTP there is no session: what the request presents is not even looked up, and nothing can be stored.
    func isBarred(_ credentials: PresentedCredentials) -> Bool { self.settings.isHTTPSOnly && !credentials.isSecure }

    /// What the guard makes of a request; changes and tells nothing yet.
    private func judge(
        _ credentials: consuming PresentedCredentials,
        _ isChecked: Bool,
        _ session: OpenSession?
    ) -> (TransactionState, Sequel) {
        let keys = session.flatMap { self.context.repository.keys(of: $0.identifier) }
        if isChecked, let session, let tracking = session.record.tracking, let keys {
            credentials.prove(for: tracking, keys: keys)
        }
        let isBarred = self.isBarred(credentials)
        let (presentsIdentifier, crossSite) = (credentials.presentsIdentifier, credentials.crossSite)
        var state = self.began(consume credentials, isChecked)
        if isBarred {
            state.standing = .barred
            guard presentsIdentifier else { return (state, .nothing) }
            state.verdict = .rejected
            state.reason = .insecure
            return (state, .bar)
        }
        state.session = session
        if let crossSite {
            state.standing = .none(.crossSite(hasNone: crossSite == .withCookies))
            state.reason = .crossSite
            return (state, .nothing)
        }
        let isGuess = session == nil && presentsIdentifier
        if isGuess { state.reason = .unknown }
        guard isChecked else { return (state, isGuess ? .guess : .nothing) }

        let decision = self.context.sessionGuard.decide(
            state.credentials,
            on: session?.record,
            keys: keys,
            at: state.arrivedAt,
            isCut: state.isCut
        )
        switch decision {
        case .anonymous: return (state, isGuess ? .guess : .nothing)
        case .begin: return (state, .begin)
        case .bind: return (state, .bind)
        case .accept(let reason, let needsSecureKey): return self.accept(&state, reason, needsSecureKey: needsSecureKey, keys: keys)
        case .reject(let reason): return (state, .refuse(reason))
        case .challenge(let reason): return (state, .challenge(reason))
        }
    }

    private func accept(
        _ state: inout TransactionState,
        _ reason: GuardReason,
        needsSecureKey: Bool,
        keys: ServerKeys?
    ) -> (TransactionState, Sequel) {
        state.verdict = .accepted
        state.reason = reason
        guard let session = state.session else { return (state, .nothing) }
        if !state.credentials.isAsProven {
            let proven = ProvenCredentials(nonce: state.credentials.nonce, signals: state.credentials.signals.withoutReadings)
            self.context.repository.note(proven, of: session.identifier)
        }
        if session.shown == .superseded && reason == .current && session.record.tracking?.hasChain == true {
            // The jar is the current one, only its identifier is not: a late answer brought an old one back.
            state.session?.shown = .pending
        }
        if needsSecureKey {
            var generator = self.random()
            state.freshSecureKey = SecureKey(using: &generator)
            state.progress = .pending
        }
        guard
            let findings = self.context.sessionGuard.changes(of: state.credentials, on: session.record, keys: keys, at: state.arrivedAt)
        else {
            return (state, .nothing)
        }
        state.signals = findings
        switch findings.policy {
        // Told when it is noted, under the session's lock: once, however many requests find it.
        case .off, .log, .rotate: return (state, .nothing)
        case .challenge: return (state, .challenge(.signals))
        case .end: return (state, .endChanged)
        }
    }

    /// - Parameter isGone: Whether there was one a short while ago.
    private func open(
        _ identifier: SessionIdentifier,
        for state: TransactionState,
        _ isGone: inout Bool
    ) async throws(SessionStoreError) -> OpenSession? {
        let now = state.arrivedAt
        let window = self.settings.goneWindow
        let found = try await self.look(identifier, at: now) { end in
            switch end {
            case .gone: isGone = window != nil
            case .expired(let handle, let expiredAt):
                isGone = window.map { now < expiredAt.advanced(by: $0) } ?? false
                self.tell(.expired, state, handle: handle)
            }
        }
        guard let found else { return nil }
        if self.settings.isOver(found.record, at: now) {
            self.tell(.expired, state, handle: found.record.origin?.handle)
            return nil
        }
        let shown: OpenSession.Shown =
            if found.identifier == identifier {
                .current
            } else {
                found.record.tracking?.predecessor?.identifier == identifier ? .pending : .superseded
            }
        return OpenSession(identifier: found.identifier, record: found.record, expiresAt: found.expiresAt, shown: shown)
    }

    /// Reads a session, and lets an identifier that led there by several steps take one from here on.
    func look(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        onEnd: (SessionRepository.End) -> Void = { _ in }
    ) async throws(SessionStoreError) -> SessionRepository.Opened? {
        guard let found = try await self.context.repository.open(identifier, at: now, onEnd: onEnd) else { return nil }
        if let end = found.longWayUntil {
            var random = self.random()
            // If that fails the next look takes as many steps again.
            try? await self.context.repository.shorten(identifier, to: found.identifier, at: now, by: end, using: &random)
        }
        return found
    }

    /// Which of the values is the client's is not for us to say: the request goes on without a session, and all that the client has stays.
    private func refuseAmbiguous(_ credentials: PresentedCredentials, _ isChecked: Bool) -> TransactionState {
        var state = self.began(credentials, isChecked)
        state.standing = .none(.refused)
        state.verdict = .rejected
        state.reason = .ambiguous
        self.tell(.refused, state)
        return state
    }

    private func challenge(_ state: inout TransactionState, _ reason: GuardReason) async {
        state.withhold(for: reason)
        // The jar was copied, with whatever token to be remembered by is in it.
        if reason == .reuse { try? await self.endPresentedMemory() }
        self.tell(.challenged, state)
        guard let challenge = state.withheld?.challenge else { return }
        self.show(state)
        switch await self.context.configuration.onChallenge(self.request(for: .hook), challenge) {
        case .withhold: break
        case .release:
            state.release()
            self.tell(.released, state)
        }
    }

    private func begin(_ state: inout TransactionState) async throws(SessionStoreError) {
        var generator = self.random()
        let keys = self.context.repository.newestKeys
        let fingerprint = Fingerprint(of: state.credentials.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: state.arrivedAt, using: &generator)
        let record = SessionRecord(createdAt: state.arrivedAt, tracking: tracking)
        let expiresAt = self.settings.expiry(of: record, at: state.arrivedAt)
        let begun = try await self.context.repository.begin(
            record,
            expiresAt: expiresAt,
            at: state.arrivedAt,
            keys: keys,
            using: &generator
        )
        state.session = OpenSession(identifier: begun.identifier, record: begun.record)
        state.verdict = .new
        state.reason = nil
        state.progress = .stored(tellsClient: true)
    }

    /// Begins the tracking of a session that only unchecked requests have used so far, unless another request was faster.
    private func bind(_ state: inout TransactionState) async throws(SessionStoreError) {
        guard let session = state.session, let keys = self.context.repository.keys(of: session.identifier) else { return }
        var generator = self.random()
        var sealing = self.random()
        let fingerprint = Fingerprint(of: state.credentials.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: state.arrivedAt, using: &generator)
        let settings = self.settings
        let now = state.arrivedAt
        let bound: SessionRecord? = try await self.context.repository.change(session.identifier, at: now, using: &sealing) { opened in
            guard var record = opened?.record else { return (.keep, nil) }
            if record.tracking != nil { return (.keep, record) }
            record.tracking = tracking
            return (.write(record, expiresAt: settings.expiry(of: record, at: now)), record)
        }
        guard let record = bound else {
            state.markEnded()
            state.reason = .ended
            return
        }
        state.session?.record = record
        if record.tracking == tracking {
            state.verdict = .new
            state.reason = .adopted
            state.progress = .stored(tellsClient: true)
            return
        }
        switch self.context.sessionGuard.decide(state.credentials, on: record, keys: keys, at: now, isCut: state.isCut) {
        case .reject(let reason): try await self.refuse(&state, reason)
        case .challenge(let reason): await self.challenge(&state, reason)
        case .begin, .anonymous, .bind, .accept: state.verdict = .accepted
        }
    }

    private func refuse(_ state: inout TransactionState, _ reason: GuardReason) async throws(SessionStoreError) {
        state.verdict = .rejected
        state.reason = reason
        self.show(state)
        self.report(state)
        if reason == .reuse, try await self.endMemories(of: state) { return state.forget() }
        switch self.context.sessionGuard.consequence(of: reason, for: state.session?.record) {
        case .leave: state.detach()
        case .end:
            if let session = state.session { try await self.end(session.identifier) }
            state.forget()
        case .suspend: try await self.suspend(&state)
        case .wipe:
            state.edits.clear()
            state.progress = .pending
        case .nothing: break
        }
    }

    /// Ends what a browser is remembered by that began with a session of which there are copies.
    ///
    /// - Returns: Whether the session has ended as well, with all others of its user.
    private func endMemories(of state: TransactionState) async throws(SessionStoreError) -> Bool {
        guard let record = state.session?.record, let user = record.user?.name, let source = record.origin?.handle else { return false }
        let hasEnded = try await self.context.repository.endMemories(
            from: source,
            of: user,
            begunWith: record.user?.memory,
            at: self.now
        )
        if hasEnded { self.tell(.tokenReuse, state, user: user) }
        return hasEnded
    }

    /// Lets the session wait, for all who hold its cookies, until the application is satisfied.
    private func suspend(_ state: inout TransactionState) async throws(SessionStoreError) {
        guard let session = state.session else { return }
        var generator = self.random()
        let now = state.arrivedAt
        try await self.context.repository.change(session.identifier, at: now, using: &generator) { opened in
            guard var record = opened?.record else { return (.keep, ()) }
            record.tracking?.isSuspended = true
            return (.write(record, expiresAt: self.settings.expiry(of: record, at: now)), ())
        }
        await self.challenge(&state, .reuse)
    }

    /// Ends a session.
    ///
    /// What is left says for a while that it is gone, so that a request that still shows it is not taken for a new visitor's.
    func end(_ identifier: SessionIdentifier) async throws(SessionStoreError) {
        guard let window = self.settings.goneWindow else { return try await self.remove(identifier) }
        var generator = self.random()
        let end = self.now.advanced(by: window)
        try await self.context.repository.change(identifier, at: .distantPast, using: &generator) { _ in (.end(until: end), ()) }
    }

    func remove(_ identifier: SessionIdentifier) async throws(SessionStoreError) {
        var generator = self.random()
        try await self.context.repository.change(identifier, at: .distantPast, using: &generator) { _ in (.remove, ()) }
    }
}
