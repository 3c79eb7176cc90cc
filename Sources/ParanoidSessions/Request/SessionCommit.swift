/// One commit of a visit: what is stored changes completely or not at all.
struct SessionCommit<Outcome: Sendable> {
    var visit: SessionVisit
    let context: SessionContext
    let now: Timestamp
    let body: ((inout SessionValues) throws -> Outcome)?

    /// How often a rotation is tried anew because somebody else wrote meanwhile.
    private static var attempts: Int { 32 }

    private struct Step {
        var completion: SessionGuard.Completion
        var outcome: Result<Outcome, any Error>?
    }

    /// Commits, tells `keep` what the visit is afterwards, and returns what the body returned.
    ///
    /// - Throws: `SessionStoreError`, or what the body throws; nothing was stored then.
    func run(using random: SessionRandom, keep: (SessionVisit) -> Void) async throws -> Outcome? {
        var random = random
        guard let identifier = self.visit.identifier, let keys = self.context.repository.keys(of: identifier) else {
            return try await self.begin(using: &random, keep: keep)
        }
        guard self.body != nil || self.context.sessionGuard.needsCommit(self.visit, keys: keys, at: self.now) else {
            let step = self.step(over: self.visit.record, keys: keys, using: &random)
            keep(self.followed(step.completion, identifier: identifier))
            return nil
        }
        for _ in 0..<Self.attempts {
            let (step, found) = try await self.change(identifier, keys: keys, using: &random)
            if let failure = step.completion.failure { throw failure }
            let outcome = try step.outcome?.get()
            self.context.statistics.count(conflicts: step.completion.conflicts)
            if let confirmed = step.completion.confirmed { await self.retire(confirmed, using: &random) }
            guard case .rotate(let record) = step.completion.storing, let found else {
                keep(self.followed(step.completion, identifier: found?.identifier ?? identifier))
                return outcome
            }
            if let successor = try await self.rotate(found, to: record, keys: keys, using: &random) {
                keep(self.followed(step.completion, identifier: successor))
                return outcome
            }
        }
        throw SessionStoreError(.lockTimeout, message: "the session changes faster than its identifier can be replaced")
    }

    // MARK: Steps

    private func begin(using random: inout SessionRandom, keep: (SessionVisit) -> Void) async throws -> Outcome? {
        let keys = self.context.repository.newestKeys
        let step = self.step(over: nil, keys: keys, using: &random)
        if let failure = step.completion.failure { throw failure }
        let outcome = try step.outcome?.get()
        var identifier: SessionIdentifier?
        if case .create(let record) = step.completion.storing {
            identifier = try await self.create(record, keys: keys, using: &random)
        }
        keep(self.followed(step.completion, identifier: identifier))
        return outcome
    }

    private func change(
        _ identifier: SessionIdentifier,
        keys: ServerKeys,
        using random: inout SessionRandom
    ) async throws(SessionStoreError) -> (Step, found: SessionRepository.Opened?) {
        var sealing = SessionRandom(source: self.context.configuration.randomSource)
        var made: Step?
        let found = try await self.context.repository.change(identifier, at: self.now, using: &sealing) { opened in
            var commit = self
            // Replaced while this request was under way: as if it had come a moment later.
            if let opened, opened.identifier != identifier { commit.visit.isSuperseded = true }
            let step = commit.step(over: opened?.record, keys: keys, using: &random)
            made = step
            if case .failure? = step.outcome { return (.keep, opened) }
            if case .end = step.completion.storing { return (self.context.change(onReuseOf: opened, at: self.now), opened) }
            guard case .write(let record) = step.completion.storing else { return (.keep, opened) }
            return (.write(record, expiresAt: self.expiry(of: record)), opened)
        }
        guard let made else { preconditionFailure("the store has run the change") }
        return (made, found)
    }

    /// Puts the record under a new identifier and ends the old one, unless somebody wrote to it meanwhile.
    ///
    /// The new one is complete before the old one ends: whenever the process dies, one of them is there.
    private func rotate(
        _ found: SessionRepository.Opened,
        to record: SessionRecord,
        keys: ServerKeys,
        using random: inout SessionRandom
    ) async throws(SessionStoreError) -> SessionIdentifier? {
        let overlap = self.context.sessionGuard.settings.overlap(ofLogin: self.visit.renewsSecureKey)
        var record = record
        // One that is there already is the identifier the client has shown last: the answers since then were lost.
        if overlap != nil && record.tracking?.predecessor == nil { record.tracking?.predecessor = found.identifier }
        let successor = try await self.create(record, keys: keys, using: &random)
        let hasEnded: Bool
        do {
            hasEnded = try await self.context.repository.change(found.identifier, at: self.now, using: &random) { opened in
                guard let opened, opened.identifier == found.identifier, opened.generation == found.generation else {
                    return (.keep, false)
                }
                // Until the client shows the new one: the answer that tells it may be lost.
                return overlap == nil ? (.remove, true) : (.supersede(by: successor, until: self.expiry(of: record)), true)
            }
        } catch {
            try? await self.remove(successor, using: &random)
            throw error
        }
        if hasEnded { return successor }
        try await self.remove(successor, using: &random)
        return nil
    }

    /// Lets the identifier before this one lead here for the overlap only.
    ///
    /// If that fails it leads here for longer, which gives nobody anything: its nonces are old.
    private func retire(_ predecessor: SessionIdentifier, using random: inout SessionRandom) async {
        guard let overlap = self.context.sessionGuard.settings.overlap(ofLogin: false) else { return }
        let end = self.now.advanced(by: overlap)
        try? await self.context.repository.retire(predecessor, at: self.now, by: end, using: &random)
    }

    private func step(over current: SessionRecord?, keys: ServerKeys, using random: inout SessionRandom) -> Step {
        var outcome: Result<Outcome, any Error>?
        let apply: ((inout SessionValues) -> Void)? = self.body.map { body in
            { values in
                var changed = values
                outcome = Result { try body(&changed) }
                if case .success? = outcome { values = changed }
            }
        }
        let completion = self.context.sessionGuard.complete(
            self.visit,
            over: current,
            keys: keys,
            at: self.now,
            using: &random,
            applying: apply
        )
        if let body, outcome == nil {
            // The session is gone; the body gets its turn on nothing.
            var values = SessionValues()
            outcome = Result { try body(&values) }
        }
        return Step(completion: completion, outcome: outcome)
    }

    /// The visit after this commit.
    private func followed(_ completion: SessionGuard.Completion, identifier: SessionIdentifier?) -> SessionVisit {
        var visit = self.visit
        visit.changes = completion.changes
        visit.edits = SessionEdits()
        visit.rotates = false
        visit.renewsSecureKey = false
        switch completion.storing {
        case .gone, .end:
            visit.lose()
            if case .end = completion.storing { visit.reason = .reuse } else { visit.reason = .ended }
            if visit.isChecked { visit.verdict = .rejected }
            return visit
        case .create(let record), .write(let record), .rotate(let record):
            visit.record = record
            visit.expiresAt = self.expiry(of: record)
            visit.isStored = true
            if case .create = completion.storing, visit.verdict == .none {
                visit.verdict = .new
                visit.reason = nil
            }
        case .nothing: break
        }
        visit.identifier = identifier
        visit.isModified = visit.isModified || completion.changes.identifier == .set
        return visit
    }

    private func create(
        _ record: SessionRecord,
        keys: ServerKeys,
        using random: inout SessionRandom
    ) async throws(SessionStoreError) -> SessionIdentifier {
        let expiresAt = self.expiry(of: record)
        return try await self.context.repository.create(record, expiresAt: expiresAt, at: self.now, keys: keys, using: &random)
    }

    private func remove(_ identifier: SessionIdentifier, using random: inout SessionRandom) async throws(SessionStoreError) {
        try await self.context.repository.change(identifier, at: self.now, using: &random) { _ in (.remove, ()) }
    }

    private func expiry(of record: SessionRecord) -> Timestamp {
        self.context.sessionGuard.settings.expiry(of: record, at: self.now)
    }
}
