internal import ParanoidHTTP
internal import Logging

// What a request leaves behind is stored completely or not at all: edits and the guard's transition in one locked step, or without any
// lock when nothing is to be stored.
extension SessionTransaction {
    /// A change of the values that comes after the request's edits.
    ///
    /// It may run again. What it makes of the values before it fails is thrown away with all else.
    typealias ValueChange = (inout SessionValues) throws -> Void

    /// How often a rotation is tried anew because somebody else wrote meanwhile.
    private static var attempts: Int { 32 }

    /// Commits what is pending.
    ///
    /// - Throws: What the change throws; nothing was stored then.
    func commit(_ change: ValueChange?) async throws {
        let isEdited = self.ask { !$0.edits.isEmpty }
        if try self.commitNow(change) { return }
        let login = self.ask { $0.edits.login }
        do {
            try await self.run(self.knownState, at: self.now, change)
        } catch let error as SessionStoreError {
            throw self.unavailable(error)
        }
        if let login, self.context.repository.limitsSessions { try await self.enforceLimit(of: login) }
        // No success without a record. A request that changes nothing of its own is answered all the same.
        guard change != nil || isEdited, self.saysWhatEnded else { return }
        if case .ended = self.ask({ $0.standing }) { throw SessionError.ended }
    }

    /// The lock, the guard's decision and the write, where nobody has to be waited for and the identifier stays.
    ///
    /// - Parameters:
    ///   - change: A change of the values.
    ///   - held: The lock, where the request has it already.
    /// - Returns: Whether that is done; if not, nothing was, no lock is held, and it takes ``commit(_:)``.
    @inline(never)
    func commitNow(_ change: ValueChange?, under held: consuming SessionRepository.Locked? = nil) throws -> Bool {
        let now = self.now
        let state = self.knownState
        switch state.standing {
        case .ended, .barred:
            // The request gets a response, and nothing is stored.
            var values = SessionValues()
            try change?(&values)
            return true
        case .none, .withheld, .open: break
        }
        if state.isTransient {
            try self.commitForRequestAlone(state, change)
            return true
        }
        if state.edits.login != nil && self.context.repository.limitsSessions { return false }
        do {
            var random = self.random()
            guard let session = state.session, let keys = self.context.repository.keys(of: session.identifier) else {
                return try self.beginNow(state, at: now, change, using: &random)
            }
            // The identifier is to be replaced.
            if state.renewal != .keep { return false }
            switch change == nil ? self.context.sessionGuard.due(after: state, keys: keys, at: now) : .commit {
            case .nothing: return true
            case .response: return try self.isUnchanged(session, at: now)
            case .completion:
                let completion = try self.complete(state, over: session.record, keys: keys, at: now, change, using: &random)
                if !completion.changes.isEmpty, try !self.isUnchanged(session, at: now) { return false }
                self.follow(state, completion, identifier: session.identifier, at: now)
                return true
            case .commit: break
            }
            var lock = consume held
            // It may have been over since the request arrived.
            if !(lock?.stored.isLive(at: now) ?? false) {
                lock = nil
                lock = try self.context.repository.lockNow(session.identifier, at: now)
            }
            guard let locked = consume lock else { return false }
            let completion = try self.complete(state, over: locked.opened.record, keys: keys, at: now, change, using: &random)
            // The identifier before this one is to be retired.
            if completion.confirmed != nil { return false }
            switch completion.storing {
            case .nothing, .gone, .create: break
            case .rotate: return false
            case .write(let record):
                let end = self.settings.expiry(of: record, at: now)
                try self.context.repository.write(record, expiresAt: end, at: now, to: locked, using: &random)
            }
            self.context.statistics.count(conflicts: completion.conflicts)
            self.follow(state, completion, identifier: session.identifier, at: now)
            return true
        } catch let error as SessionStoreError {
            throw self.unavailable(error)
        }
    }

    /// Whether a session is as the request knows it: no cookie goes out without that look at the store, as the session may have ended, or a
    /// login taken its place, while the request ran.
    private func isUnchanged(_ session: OpenSession, at now: Timestamp) throws(SessionStoreError) -> Bool {
        guard self.settings.behaviour.hasRotationChains else { return true }
        guard case .found(let found) = try self.context.repository.openNow(session.identifier, at: now) else { return false }
        return found.record == session.record
    }

    private func beginNow(
        _ state: TransactionState,
        at now: Timestamp,
        _ change: ValueChange?,
        using random: inout SessionRandom
    ) throws -> Bool {
        let keys = self.context.repository.newestKeys
        var completion = try self.complete(state, over: nil, keys: keys, at: now, change, using: &random)
        var identifier: SessionIdentifier?
        if case .create(let record) = completion.storing {
            let end = self.settings.expiry(of: record, at: now)
            guard let begun = try self.context.repository.beginNow(record, expiresAt: end, at: now, keys: keys, using: &random) else {
                return false
            }
            identifier = begun.identifier
            completion.storing = .create(begun.record)
        }
        self.follow(state, completion, identifier: identifier, at: now)
        return true
    }

    /// Works out what the request leaves behind on the record as it is now.
    private func complete(
        _ state: TransactionState,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        _ change: ValueChange?,
        using random: inout SessionRandom
    ) throws -> SessionCompletion {
        let completion = self.context.sessionGuard.complete(state, over: current, keys: keys, at: now, using: &random, applying: change)
        if let failure = completion.failure { throw failure }
        if case .gone = completion.storing {
            // The change gets its turn on nothing.
            var values = SessionValues()
            try change?(&values)
        }
        return completion
    }

    /// Runs a change on what the request has set so far, and stores nothing.
    private func commitForRequestAlone(_ state: TransactionState, _ change: ValueChange?) throws {
        guard let change else { return }
        let before = state.edits.values(over: nil)
        var values = before
        try change(&values)
        var state = state
        for entry in before.entries where values[entry.name] == nil { state.edits.add(.found(nil), to: entry.name) }
        for entry in values.entries where before[entry.name] != entry.bytes { state.edits.add(.found(entry.bytes), to: entry.name) }
        self.keep(state)
    }

    /// Takes note of what was committed.
    private func follow(_ before: TransactionState, _ completion: SessionCompletion, identifier: SessionIdentifier?, at now: Timestamp) {
        let after = self.followed(before, completion, identifier: identifier, at: now)
        self.keep(after)
        let isStored =
            switch completion.storing {
            case .create, .write, .rotate: true
            case .nothing, .gone: false
            }
        self.tellOutcome(of: before, after, found: isStored ? completion.found : [])
    }

    // MARK: Where somebody is waited for

    private func run(_ state: TransactionState, at now: Timestamp, _ change: ValueChange?) async throws {
        var random = self.random()
        guard let session = state.session, let keys = self.context.repository.keys(of: session.identifier) else {
            return try await self.begin(state, at: now, change, using: &random)
        }
        for _ in 0..<Self.attempts {
            let (completion, found) = try await self.change(state, session.identifier, keys: keys, at: now, change, using: &random)
            self.context.statistics.count(conflicts: completion.conflicts)
            if let confirmed = completion.confirmed { await self.retire(confirmed, at: now) }
            var identifier = found?.identifier ?? session.identifier
            if case .rotate(let record) = completion.storing, let found {
                guard let successor = try await self.rotate(state, found, to: record, keys: keys, at: now, using: &random) else { continue }
                identifier = successor
            }
            return self.follow(state, completion, identifier: identifier, at: now)
        }
        throw SessionStoreError(.lockTimeout, message: "the session changes faster than its identifier can be replaced")
    }

    private func begin(
        _ state: TransactionState,
        at now: Timestamp,
        _ change: ValueChange?,
        using random: inout SessionRandom
    ) async throws {
        let keys = self.context.repository.newestKeys
        var completion = try self.complete(state, over: nil, keys: keys, at: now, change, using: &random)
        var identifier: SessionIdentifier?
        if case .create(let record) = completion.storing {
            let begun = try await self.create(record, at: now, keys: keys, using: &random)
            identifier = begun.identifier
            completion.storing = .create(begun.record)
        }
        self.follow(state, completion, identifier: identifier, at: now)
    }

    private func change(
        _ state: TransactionState,
        _ identifier: SessionIdentifier,
        keys: ServerKeys,
        at now: Timestamp,
        _ change: ValueChange?,
        using random: inout SessionRandom
    ) async throws -> (SessionCompletion, found: SessionRepository.Opened?) {
        var sealing = self.random()
        var made: Result<SessionCompletion, any Error>?
        let found = try await self.context.repository.change(identifier, at: now, using: &sealing) { opened in
            var state = state
            // Replaced while this request was under way: as if it had come a moment later.
            if let opened, opened.identifier != identifier { state.session?.shown = .superseded }
            let result = Result { try self.complete(state, over: opened?.record, keys: keys, at: now, change, using: &random) }
            made = result
            guard case .success(let completion) = result, case .write(let record) = completion.storing else { return (.keep, opened) }
            return (.write(record, expiresAt: self.settings.expiry(of: record, at: now)), opened)
        }
        guard let made else { preconditionFailure("the store has run the change") }
        return (try made.get(), found)
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
        if overlap != nil {
            record.tracking?.predecessor = .init(found.identifier, issuedAt: found.record.tracking?.identifierIssuedAt)
        }
        let expiresAt = self.settings.expiry(of: record, at: now)
        let successor = try await self.create(record, at: now, keys: keys, using: &random).identifier
        let hasEnded: Bool
        do {
            hasEnded = try await self.context.repository.change(found.identifier, at: now, using: &random) { opened in
                guard let opened, opened.identifier == found.identifier, opened.generation == found.generation else {
                    // A try before this one has done it, and others have followed already.
                    return (.keep, opened?.identifier == successor)
                }
                // Until the client shows the new one: the answer that tells it may be lost.
                if overlap != nil { return (.supersede(by: successor, until: expiresAt), true) }
                return (self.settings.goneWindow.map { .end(until: now.advanced(by: $0)) } ?? .remove, true)
            }
        } catch {
            // If the store cannot say whether it happened, the old one may lead there by now, and is all that the client has. If not, the new
            // one is left, and nobody knows its identifier.
            if overlap == nil || error.code != .unavailable { try? await self.remove(successor) }
            throw error
        }
        if hasEnded { return successor }
        try await self.remove(successor)
        return nil
    }

    /// Lets an identifier that the client has given up lead here for the overlap only.
    ///
    /// If that fails it leads here for longer, which gives nobody anything: its nonces are old.
    private func retire(_ identifier: SessionCompletion.RetiredIdentifier, at now: Timestamp) async {
        guard let overlap = self.settings.overlap(ofLogin: false, after: identifier.use) else { return }
        var random = self.random()
        try? await self.context.repository.retire(identifier.identifier, at: now, by: now.advanced(by: overlap), using: &random)
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
            if let identifier, identifier != state.session?.identifier { state.session?.identifier = identifier }
            if case .stored = before.progress { state.progress = .stored(tellsClient: tellsClient) }
        }
        return state
    }

    /// Ends what is over the limit of a user who has just logged in.
    private func enforceLimit(of user: String) async throws {
        var state = self.knownState
        guard let identifier = state.session?.identifier else { return }
        let isWithin: Bool
        do {
            isWithin = try await self.context.repository.enforceLimit(user: user, at: self.now, begun: identifier) { ended in
                self.tell(.limit, state, handle: ended, user: user)
            }
        } catch {
            // The login is committed, so that it is answered with its cookies; the next one of the user finds what is too many.
            self.request.logger.error("the sessions of a user could not be counted after a login", metadata: ["error": "\(error)"])
            return
        }
        if isWithin { return }
        self.tell(.limit, state, user: user)
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
