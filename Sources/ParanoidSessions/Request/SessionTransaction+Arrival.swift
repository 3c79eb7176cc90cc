internal import ParanoidHTTP
internal import Logging

// From what a request presents to what it knows of its session: reading, checking, and what follows a refusal.
extension SessionTransaction {
    func load() async throws(SessionStoreError) -> TransactionState {
        let now = self.arrival.time
        let credentials = try await self.chosen(self.context.cookies.credentials(of: self.request), at: now)
        var state = TransactionState(credentials: credentials, arrivedAt: now, isCut: self.arrival.isCut, isChecked: self.isChecked)
        if self.settings.isHTTPSOnly && !credentials.isSecure {
            self.bar(&state)
            return state
        }
        if let identifier = credentials.identifier { state.session = try await self.open(identifier, for: state) }
        if let crossSite = credentials.crossSite {
            state.standing = .none(.crossSite(hasNone: crossSite == .withCookies))
            state.reason = .crossSite
            return state
        }
        if state.session == nil && credentials.presentsIdentifier {
            state.reason = .unknown
            self.noteGuess(state)
        }
        guard state.isChecked else { return state }

        let keys = state.session.flatMap { self.context.repository.keys(of: $0.identifier) }
        switch self.context.sessionGuard.decide(credentials, on: state.session?.record, keys: keys, at: now, isCut: state.isCut) {
        case .anonymous: break
        case .begin: try await self.begin(&state)
        case .bind: try await self.bind(&state)
        case .accept(let reason, let needsSecureKey):
            state.verdict = .accepted
            state.reason = reason
            if state.session?.shown == .superseded && reason == .current && state.session?.record.tracking?.chain != nil {
                // The jar is the current one, only its identifier is not: a late answer brought an old one back.
                state.session?.shown = .pending
            }
            if needsSecureKey {
                var generator = self.random()
                state.freshSecureKey = SecureKey(using: &generator)
                state.progress = .pending
            }
            try await self.evaluateSignals(&state, keys: keys)
        case .reject(let reason): try await self.refuse(&state, reason)
        case .challenge(let reason): await self.challenge(&state, reason)
        }
        return state
    }

    private func open(_ identifier: SessionIdentifier, for state: TransactionState) async throws(SessionStoreError) -> OpenSession? {
        let now = state.arrivedAt
        guard let found = try await self.context.repository.open(identifier, at: now, onExpiry: { self.tell(.expired, state, handle: $0) })
        else {
            return nil
        }
        if self.settings.isOver(found.record, at: now) {
            self.tell(.expired, state, handle: found.record.origin?.handle)
            return nil
        }
        let shown: OpenSession.Shown =
            if found.identifier == identifier {
                .current
            } else {
                found.record.tracking?.predecessor == identifier ? .pending : .superseded
            }
        return OpenSession(identifier: found.identifier, record: found.record, expiresAt: found.expiresAt, shown: shown)
    }

    /// The credentials themselves, or, where cookies come with several values, those that the guard would accept, if they are one choice.
    private func chosen(_ credentials: PresentedCredentials, at now: Timestamp) async throws(SessionStoreError) -> PresentedCredentials {
        guard let candidates = credentials.candidates else { return credentials }
        var accepted: [PresentedCredentials] = []
        for identifier in candidates.identifiers.prefix(SessionCandidates.maximumCount) {
            guard let opened = try await self.context.repository.open(identifier, at: now),
                let keys = self.context.repository.keys(of: identifier)
            else { continue }
            let choice = candidates.credentials(credentials, for: identifier, record: opened.record, keys: keys)
            if case .accept = self.context.sessionGuard.decide(choice, on: opened.record, keys: keys, at: now, isCut: self.arrival.isCut) {
                accepted.append(choice)
            }
        }
        self.request.logger.notice(
            "a session cookie came with several values",
            metadata: ["session.candidates": "\(candidates.identifiers.count)", "session.accepted": "\(accepted.count)"]
        )
        return accepted.count == 1 ? accepted[0] : credentials
    }

    /// Acts on what is new about the client of an accepted request.
    private func evaluateSignals(_ state: inout TransactionState, keys: ServerKeys?) async throws(SessionStoreError) {
        let record = state.session?.record
        guard let findings = self.context.sessionGuard.changes(of: state.credentials, on: record, keys: keys, at: state.arrivedAt)
        else { return }
        state.signals = findings
        switch findings.policy {
        // Told when it is noted, under the session's lock: once, however many requests find it.
        case .off, .log, .rotate: break
        case .challenge: await self.challenge(&state, .signals)
        case .end:
            self.tell(.changed, state)
            try await self.refuse(&state, .signals)
        }
    }

    private func challenge(_ state: inout TransactionState, _ reason: GuardReason) async {
        state.withhold(for: reason)
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

    /// Over plain HTTP there is no session: what the request presents is not even looked up, and nothing can be stored.
    private func bar(_ state: inout TransactionState) {
        state.standing = .barred
        guard state.credentials.presentsIdentifier else { return }
        state.verdict = .rejected
        state.reason = .insecure
        self.tell(.refused, state)
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
        switch self.context.sessionGuard.consequence(of: reason, for: state.session?.record) {
        case .leave: state.detach()
        case .end:
            if let session = state.session { try await self.remove(session.identifier) }
            state.forget()
        case .suspend: try await self.suspend(&state)
        case .wipe:
            state.edits.clear()
            state.progress = .pending
        case .nothing: break
        }
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

    func remove(_ identifier: SessionIdentifier) async throws(SessionStoreError) {
        var generator = self.random()
        try await self.context.repository.change(identifier, at: .distantPast, using: &generator) { _ in (.remove, ()) }
    }
}
