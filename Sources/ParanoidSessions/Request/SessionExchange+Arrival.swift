internal import ParanoidHTTP
internal import Logging

// From what a request presents to its visit: reading, checking, and what follows a refusal.
extension SessionExchange {
    func load() async throws(SessionStoreError) -> SessionVisit {
        let now = self.context.clock.arrival(of: self.request)
        let claim = try await self.chosen(self.context.cookies.claim(of: self.request), at: now)
        var visit = SessionVisit(claim: claim, arrivedAt: now, isChecked: self.context.isChecked(self.request))
        if self.settings.isHTTPSOnly && !claim.isSecure {
            self.bar(&visit)
            return visit
        }
        if let identifier = claim.identifier {
            let found = try await self.context.repository.open(identifier, at: now) { self.tell(.expired, visit) }
            let opened = found.flatMap { self.settings.isOver($0.record, at: now) ? nil : $0 }
            if found != nil && opened == nil { self.tell(.expired, visit) }
            visit.record = opened?.record
            visit.expiresAt = opened?.expiresAt
            if let opened, opened.identifier != identifier {
                visit.identifier = opened.identifier
                visit.isPending = opened.record.tracking?.predecessor == identifier
                visit.isSuperseded = !visit.isPending
            }
        }
        if visit.record == nil {
            visit.identifier = nil
            if claim.presentsIdentifier {
                visit.reason = .unknown
                self.noteGuess(visit)
            }
        }
        guard visit.isChecked else { return visit }

        let keys = visit.identifier.flatMap { self.context.repository.keys(of: $0) }
        switch self.context.sessionGuard.decide(claim, on: visit.record, keys: keys, at: now) {
        case .anonymous: break
        case .begin: try await self.begin(&visit)
        case .adopt: try await self.adopt(&visit)
        case .accept(let reason, let needsSecureKey):
            visit.verdict = .accepted
            visit.reason = reason
            if visit.isSuperseded && reason == .current && visit.record?.tracking?.chain != nil {
                // The jar is the current one, only its identifier is not: a late answer brought an old one back.
                visit.isSuperseded = false
                visit.isPending = true
            }
            if needsSecureKey {
                var generator = self.random()
                visit.freshSecureKey = SecureKey(using: &generator)
                visit.isModified = true
            }
            try await self.weigh(&visit, keys: keys)
        case .reject(let reason): try await self.reject(&visit, reason)
        case .challenge(let reason): await self.challenge(&visit, reason)
        }
        return visit
    }

    /// The claim itself, or, where cookies come with several values, the one that the guard would accept, if there is exactly one.
    private func chosen(_ claim: PresentedCredentials, at now: Timestamp) async throws(SessionStoreError) -> PresentedCredentials {
        guard let candidates = claim.candidates else { return claim }
        var accepted: [PresentedCredentials] = []
        for identifier in candidates.identifiers.prefix(SessionCandidates.maximumCount) {
            guard let opened = try await self.context.repository.open(identifier, at: now),
                let keys = self.context.repository.keys(of: identifier)
            else { continue }
            let choice = candidates.claim(claim, on: identifier, record: opened.record, keys: keys)
            if case .accept = self.context.sessionGuard.decide(choice, on: opened.record, keys: keys, at: now) { accepted.append(choice) }
        }
        self.request.logger.notice(
            "a session cookie came with several values",
            metadata: ["session.candidates": "\(candidates.identifiers.count)", "session.accepted": "\(accepted.count)"]
        )
        return accepted.count == 1 ? accepted[0] : claim
    }

    /// Acts on what is new about the client of an accepted request.
    private func weigh(_ visit: inout SessionVisit, keys: ServerKeys?) async throws(SessionStoreError) {
        guard let findings = self.context.sessionGuard.changes(of: visit.claim, on: visit.record, keys: keys) else { return }
        visit.signals = findings
        switch findings.policy {
        case .off: break
        case .log: self.tell(.changed, visit)
        // Told when it is done: until then every request finds the same.
        case .rotate: break
        case .challenge: await self.challenge(&visit, .signals)
        case .end:
            self.tell(.changed, visit)
            try await self.reject(&visit, .signals)
        }
    }

    private func challenge(_ visit: inout SessionVisit, _ reason: GuardReason) async {
        visit.withhold(for: reason)
        self.tell(.challenged, visit)
        guard let challenge = visit.withheld?.challenge else { return }
        switch await self.context.configuration.onChallenge(self.request, challenge) {
        case .withhold: break
        case .release:
            visit.release()
            self.tell(.released, visit)
        }
    }

    /// Over plain HTTP there is no session: what the request presents is not even looked up, and nothing can be stored.
    private func bar(_ visit: inout SessionVisit) {
        visit.lose()
        visit.isBarred = true
        guard visit.claim.presentsIdentifier else { return }
        visit.verdict = .rejected
        visit.reason = .insecure
        self.tell(.refused, visit)
    }

    private func begin(_ visit: inout SessionVisit) async throws(SessionStoreError) {
        var generator = self.random()
        let keys = self.context.repository.newestKeys
        let fingerprint = Fingerprint(of: visit.claim.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: visit.arrivedAt, using: &generator)
        let record = SessionRecord(createdAt: visit.arrivedAt, tracking: tracking)
        visit.identifier = try await self.create(record, at: visit.arrivedAt, keys: keys, using: &generator)
        visit.record = record
        visit.verdict = .new
        visit.reason = nil
        visit.isModified = true
        visit.isStored = true
    }

    /// Begins the tracking of a session that only unchecked requests have used so far, unless another request was faster.
    private func adopt(_ visit: inout SessionVisit) async throws(SessionStoreError) {
        guard let identifier = visit.identifier, let keys = self.context.repository.keys(of: identifier) else { return }
        var generator = self.random()
        var sealing = self.random()
        let fingerprint = Fingerprint(of: visit.claim.traits, keys: keys)
        let tracking = SessionTracking(boundTo: fingerprint, at: visit.arrivedAt, using: &generator)
        let settings = self.settings
        let now = visit.arrivedAt
        let record: SessionRecord? = try await self.context.repository.change(identifier, at: now, using: &sealing) { opened in
            guard var record = opened?.record else { return (.keep, nil) }
            if record.tracking != nil { return (.keep, record) }
            record.tracking = tracking
            return (.write(record, expiresAt: settings.expiry(of: record, at: now)), record)
        }
        visit.record = record
        if record?.tracking == tracking {
            visit.verdict = .new
            visit.reason = .adopted
            visit.isModified = true
            visit.isStored = true
        } else if record == nil {
            visit.isGone = true
            visit.reason = .ended
        } else {
            switch self.context.sessionGuard.decide(visit.claim, on: record, keys: keys, at: now) {
            case .reject(let reason): try await self.reject(&visit, reason)
            case .challenge(let reason): await self.challenge(&visit, reason)
            default: visit.verdict = .accepted
            }
        }
    }

    private func reject(_ visit: inout SessionVisit, _ reason: GuardReason) async throws(SessionStoreError) {
        visit.verdict = .rejected
        visit.reason = reason
        self.report(visit)
        if !self.settings.profile.isCompatible {
            // Only proof that the jar was copied ends a session, or all its secrets from a client that the rules do not let have it: nobody
            // can use anything less to log its owner out.
            guard reason == .reuse || reason == .signals else { return visit.leave() }
            if reason == .reuse && self.settings.reuse == .challenge { return try await self.suspend(&visit) }
            if let identifier = visit.identifier { try await self.removeStored(identifier) }
            return visit.detach()
        }
        switch self.settings.clearing {
        case .flush:
            if let identifier = visit.identifier { try await self.removeStored(identifier) }
            visit.detach()
        case .wipe:
            visit.edits.clear()
            visit.isModified = true
        case .noop: break
        }
    }

    /// Lets the session wait, for all who hold its cookies, until the application is satisfied.
    private func suspend(_ visit: inout SessionVisit) async throws(SessionStoreError) {
        guard let identifier = visit.identifier else { return }
        var generator = self.random()
        let now = visit.arrivedAt
        try await self.context.repository.change(identifier, at: now, using: &generator) { opened in
            (self.context.change(onReuseOf: opened, at: now), ())
        }
        await self.challenge(&visit, .reuse)
    }
}
