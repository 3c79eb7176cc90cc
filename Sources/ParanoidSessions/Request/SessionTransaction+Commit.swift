// What a request leaves behind is stored completely or not at all.
extension SessionTransaction {
    /// How often a rotation is tried anew because somebody else wrote meanwhile.
    private static var attempts: Int { 32 }

    private struct Step<Outcome> {
        var completion: SessionCompletion
        var outcome: Result<Outcome, any Error>?
    }

    /// Commits what is pending and the guard's transition in one locked step, or without any lock when nothing is to be stored.
    ///
    /// - Returns: What the body returned.
    /// - Throws: What the body throws; nothing was stored then.
    func commit<Outcome: Sendable>(
        _ state: TransactionState,
        _ body: ((inout SessionValues) throws -> Outcome)?
    ) async throws -> Outcome? {
        switch state.standing {
        case .ended, .barred:
            // The request gets a response, and nothing is stored.
            var values = SessionValues()
            return try body?(&values)
        case .none, .withheld, .open: break
        }
        if state.isTransient { return try self.commitForRequestAlone(state, body) }
        do {
            let (after, outcome, found) = try await self.run(state, at: self.now, body)
            self.keep(after)
            self.tellOutcome(of: state, after, found: found)
            if case let user?? = state.edits.user { try await self.enforceLimit(of: user.name, after) }
            return outcome
        } catch let error as SessionStoreError {
            throw self.unavailable(error)
        }
    }

    /// Runs a change on what the request has set so far, and stores nothing.
    private func commitForRequestAlone<Outcome>(
        _ state: TransactionState,
        _ body: ((inout SessionValues) throws -> Outcome)?
    ) throws -> Outcome? {
        guard let body else { return nil }
        let before = state.edits.values(over: nil)
        var values = before
        let outcome = try body(&values)
        var state = state
        for entry in before.entries where values[entry.name] == nil { state.edits.add(.remove, to: entry.name) }
        for entry in values.entries where before[entry.name] != entry.bytes { state.edits.add(.set(entry.bytes), to: entry.name) }
        self.keep(state)
        return outcome
    }

    private func run<Outcome: Sendable>(
        _ state: TransactionState,
        at now: Timestamp,
        _ body: ((inout SessionValues) throws -> Outcome)?
    ) async throws -> (TransactionState, Outcome?, found: [String]) {
        var random = self.random()
        guard let session = state.session, let keys = self.context.repository.keys(of: session.identifier) else {
            let (after, outcome) = try await self.begin(state, at: now, body, using: &random)
            return (after, outcome, [])
        }
        guard body != nil || self.context.sessionGuard.needsCommit(state, keys: keys, at: now) else {
            let step = self.step(state, over: session.record, keys: keys, at: now, body, using: &random)
            return (self.followed(state, step.completion, identifier: session.identifier, at: now), nil, [])
        }
        for _ in 0..<Self.attempts {
            let (step, found) = try await self.change(state, session.identifier, keys: keys, at: now, body, using: &random)
            if let failure = step.completion.failure { throw failure }
            let outcome = try step.outcome?.get()
            self.context.statistics.count(conflicts: step.completion.conflicts)
            if let confirmed = step.completion.confirmed { await self.retire(confirmed, at: now, using: &random) }
            var identifier = found?.identifier ?? session.identifier
            if case .rotate(let record) = step.completion.storing, let found {
                guard let successor = try await self.rotate(state, found, to: record, keys: keys, at: now, using: &random) else { continue }
                identifier = successor
            }
            return (self.followed(state, step.completion, identifier: identifier, at: now), outcome, step.completion.found)
        }
        throw SessionStoreError(.lockTimeout, message: "the session changes faster than its identifier can be replaced")
    }

    // MARK: Steps

    private func begin<Outcome: Sendable>(
        _ state: TransactionState,
        at now: Timestamp,
        _ body: ((inout SessionValues) throws -> Outcome)?,
        using random: inout SessionRandom
    ) async throws -> (TransactionState, Outcome?) {
        let keys = self.context.repository.newestKeys
        let step = self.step(state, over: nil, keys: keys, at: now, body, using: &random)
        if let failure = step.completion.failure { throw failure }
        let outcome = try step.outcome?.get()
        var completion = step.completion
        var identifier: SessionIdentifier?
        if case .create(let record) = completion.storing {
            let begun = try await self.create(record, at: now, keys: keys, using: &random)
            identifier = begun.identifier
            completion.storing = .create(begun.record)
        }
        return (self.followed(state, completion, identifier: identifier, at: now), outcome)
    }

    private func change<Outcome: Sendable>(
        _ state: TransactionState,
        _ identifier: SessionIdentifier,
        keys: ServerKeys,
        at now: Timestamp,
        _ body: ((inout SessionValues) throws -> Outcome)?,
        using random: inout SessionRandom
    ) async throws(SessionStoreError) -> (Step<Outcome>, found: SessionRepository.Opened?) {
        var sealing = self.random()
        var made: Step<Outcome>?
        let found = try await self.context.repository.change(identifier, at: now, using: &sealing) { opened in
            var state = state
            // Replaced while this request was under way: as if it had come a moment later.
            if let opened, opened.identifier != identifier { state.session?.shown = .superseded }
            let step = self.step(state, over: opened?.record, keys: keys, at: now, body, using: &random)
            made = step
            if case .failure? = step.outcome { return (.keep, opened) }
            switch step.completion.storing {
            case .write(let record): return (.write(record, expiresAt: self.settings.expiry(of: record, at: now)), opened)
            case .nothing, .gone, .create, .rotate: return (.keep, opened)
            }
        }
        guard let made else { preconditionFailure("the store has run the change") }
        return (made, found)
    }

    /// Puts the record under a new identifier and ends the old one, unless somebody wrote to it meanwhile.
    ///
    /// The new one is complete before the old one ends: whenever the process dies, one of them is there.
    private func rotate(
        _ state: TransactionState,
        _ found: SessionRepository.Opened,
        to record: SessionRecord,
        keys: ServerKeys,
        at now: Timestamp,
        using random: inout SessionRandom
    ) async throws(SessionStoreError) -> SessionIdentifier? {
        let overlap = self.settings.overlap(ofLogin: state.renewal == .all)
        var record = record
        // One that is there already is the identifier the client has shown last: the answers since then were lost.
        if overlap != nil && record.tracking?.predecessor == nil { record.tracking?.predecessor = found.identifier }
        let expiresAt = self.settings.expiry(of: record, at: now)
        let successor = try await self.create(record, at: now, keys: keys, using: &random).identifier
        let hasEnded: Bool
        do {
            hasEnded = try await self.context.repository.change(found.identifier, at: now, using: &random) { opened in
                guard let opened, opened.identifier == found.identifier, opened.generation == found.generation else {
                    return (.keep, false)
                }
                // Until the client shows the new one: the answer that tells it may be lost.
                return overlap == nil ? (.remove, true) : (.supersede(by: successor, until: expiresAt), true)
            }
        } catch {
            try? await self.remove(successor)
            throw error
        }
        if hasEnded { return successor }
        try await self.remove(successor)
        return nil
    }

    /// Lets the identifier before this one lead here for the overlap only.
    ///
    /// If that fails it leads here for longer, which gives nobody anything: its nonces are old.
    private func retire(_ predecessor: SessionIdentifier, at now: Timestamp, using random: inout SessionRandom) async {
        guard let overlap = self.settings.overlap(ofLogin: false) else { return }
        try? await self.context.repository.retire(predecessor, at: now, by: now.advanced(by: overlap), using: &random)
    }

    private func step<Outcome>(
        _ state: TransactionState,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        _ body: ((inout SessionValues) throws -> Outcome)?,
        using random: inout SessionRandom
    ) -> Step<Outcome> {
        var outcome: Result<Outcome, any Error>?
        let apply: ((inout SessionValues) -> Void)? = body.map { body in
            { values in
                var changed = values
                outcome = Result { try body(&changed) }
                if case .success? = outcome { values = changed }
            }
        }
        let completion = self.context.sessionGuard.complete(
            state,
            over: current,
            keys: keys,
            at: now,
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

    /// What the request knows of its session after this commit.
    private func followed(
        _ before: TransactionState,
        _ completion: SessionCompletion,
        identifier: SessionIdentifier?,
        at now: Timestamp
    ) -> TransactionState {
        var state = before
        state.changes = completion.changes
        state.edits = SessionEdits()
        state.renewal = .keep
        let tellsClient = before.progress.tellsClient || completion.changes.identifier == .set
        switch completion.storing {
        case .gone:
            state.markEnded()
            state.reason = .ended
            if state.isChecked { state.verdict = .rejected }
        case .create(let record), .write(let record), .rotate(let record):
            guard let identifier else { preconditionFailure("what is stored has a name") }
            let shown = before.session?.shown ?? .current
            let expiresAt = self.settings.expiry(of: record, at: now)
            state.session = OpenSession(identifier: identifier, record: record, expiresAt: expiresAt, shown: shown)
            state.progress = .stored(tellsClient: tellsClient)
            if case .create = completion.storing, state.verdict == .none {
                state.verdict = .new
                state.reason = nil
            }
        case .nothing:
            if let identifier { state.session?.identifier = identifier }
            if case .stored = before.progress { state.progress = .stored(tellsClient: tellsClient) }
        }
        return state
    }

    private func enforceLimit(of user: String, _ state: TransactionState) async throws {
        guard let identifier = state.session?.identifier else { return }
        if try await self.context.repository.enforceLimit(user: user, at: self.now, begun: identifier) { return }
        self.tell(.limit, state, user: user)
        var state = state
        state.markEnded()
        self.keep(state)
        throw SessionError.tooManySessions
    }

    private func create(
        _ record: SessionRecord,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout SessionRandom
    ) async throws(SessionStoreError) -> SessionRepository.Opened {
        let expiresAt = self.settings.expiry(of: record, at: now)
        return try await self.context.repository.begin(record, expiresAt: expiresAt, at: now, keys: keys, using: &generator)
    }
}
