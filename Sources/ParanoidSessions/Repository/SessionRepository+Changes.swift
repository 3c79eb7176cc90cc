// A session is changed under its store's lock: at once where nobody holds it, else by a closure that the store calls when it has the lock.
extension SessionRepository {
    /// A session that nobody else can change for as long as the value exists.
    struct Locked: ~Copyable {
        let location: SessionLocation
        let lock: any LockedSession
        let stored: StoredSession
        /// The session as it is now.
        let opened: Opened
    }

    /// Locks a session if nobody holds it and the identifier is its own; `nil`: it takes ``change(_:at:using:_:)``.
    func lockNow(_ identifier: SessionIdentifier, at now: Timestamp) throws(SessionStoreError) -> Locked? {
        guard let store = self.immediate, let location = self.location(of: identifier) else { return nil }
        let found: ImmediateLock
        do throws(SessionStoreError) { found = try store.lockNow(location.name) } catch {
            self.hot.forget(identifier)
            try self.settle(error, in: location)
            return nil
        }
        guard case .locked(let lock) = found, let stored = lock.current, stored.isLive(at: now),
            let record = self.record(in: location, storedAs: stored)
        else { return nil }
        let opened = Opened(record: record, generation: stored.generation, identifier: identifier, expiresAt: stored.expiresAt)
        return Locked(location: location, lock: lock, stored: stored, opened: opened)
    }

    /// Replaces the record of a locked session, and so ends the lock.
    func write(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        to locked: consuming Locked,
        using generator: inout some RandomNumberGenerator
    ) throws(SessionStoreError) {
        let (new, next) = self.next(
            record,
            expiresAt: expiresAt,
            at: now,
            replacing: locked.stored,
            user: locked.opened.record.user,
            in: locked.location,
            using: &generator
        )
        do throws(SessionStoreError) { try locked.lock.commit(.write(next)) } catch {
            self.hot.forget(locked.location.identifier)
            throw error
        }
        self.hot.remember(new, storedAs: next, in: locked.location)
    }

    /// A record as it is stored in the place of another one.
    private func next(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        replacing stored: StoredSession,
        user: SessionUser?,
        in location: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) -> (record: SessionRecord, stored: StoredSession) {
        let origin = SessionOrigin(handle: stored.handle, epoch: stored.epoch)
        var record = record
        if record.origin != origin { record.origin = origin }
        let next = self.sealer.seal(
            record,
            of: origin,
            generation: stored.generation + 1,
            expiresAt: expiresAt,
            at: now,
            in: location,
            replacing: (stored, user),
            using: &generator
        )
        return (record, next)
    }

    /// Gives `body` the only view of a session and does what it says.
    ///
    /// - Parameters:
    ///   - identifier: The session; one that was replaced a moment ago leads to its successor.
    ///   - now: The time of the request.
    ///   - generator: Randomness for sealing.
    ///   - body: Sees the session as it is now, or `nil` when there is none (any more); may run again.
    /// - Returns: What `body` returned beside its change.
    package func change<Result: Sendable>(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: (Opened?) -> (change: Change, result: Result)
    ) async throws(SessionStoreError) -> Result {
        var identifier = identifier
        for _ in 0...Self.longestChain {
            guard let location = self.location(of: identifier) else { break }
            switch try await self.changeOne(location, at: now, using: &generator, body) {
            case .done(let result): return result
            case .superseded(let successor): identifier = successor
            }
        }
        return body(nil).result
    }

    private enum Outcome<Result: Sendable>: Sendable {
        case done(Result)
        case superseded(by: SessionIdentifier)
    }

    private func changeOne<Result: Sendable>(
        _ location: SessionLocation,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: (Opened?) -> (change: Change, result: Result)
    ) async throws(SessionStoreError) -> Outcome<Result> {
        var damaged: StoredSession?
        var written: (record: SessionRecord, stored: StoredSession)?
        let outcome: Outcome<Result>
        do {
            outcome = try await self.store.modify(location.name, timeout: self.configuration.timeout) { stored in
                damaged = nil
                written = nil
                guard let stored, stored.isLive(at: now) else {
                    if let stored, let successor = self.sealer.successor(in: stored, at: now, in: location) {
                        return (.keep, .superseded(by: successor))
                    }
                    return (.keep, .done(body(nil).result))
                }
                guard let record = self.record(in: location, storedAs: stored) else {
                    damaged = stored
                    return (.keep, .done(body(nil).result))
                }
                let (change, result) = body(
                    Opened(record: record, generation: stored.generation, identifier: location.identifier, expiresAt: stored.expiresAt)
                )
                switch change {
                case .keep: return (.keep, .done(result))
                case .remove: return (.remove, .done(result))
                case .end(let end): return (.write(self.sealer.tombstone(replacing: stored, until: end, at: now)), .done(result))
                case .write(let new, let end):
                    let made = self.next(
                        new,
                        expiresAt: end,
                        at: now,
                        replacing: stored,
                        user: record.user,
                        in: location,
                        using: &generator
                    )
                    written = made
                    return (.write(made.stored), .done(result))
                case .supersede(let successor, let end):
                    let tombstone = self.sealer.tombstone(
                        of: successor,
                        replacing: stored,
                        until: end,
                        at: now,
                        in: location,
                        using: &generator
                    )
                    return (.write(tombstone), .done(result))
                }
            }
        } catch {
            self.hot.forget(location.identifier)
            try self.settle(error, in: location)
            return .done(body(nil).result)
        }
        if let damaged { await self.putAside(damaged, in: location) }
        if let written { self.hot.remember(written.record, storedAs: written.stored, in: location) }
        return outcome
    }

    /// Lets a replaced identifier lead to the newest successor that was found by it, so that the next look takes one step.
    ///
    /// - Parameter end: Until when it leads there: not longer than each of the identifiers between them does.
    package func shorten(
        _ identifier: SessionIdentifier,
        to newest: SessionIdentifier,
        at now: Timestamp,
        by end: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) {
        guard let location = self.location(of: identifier) else { return }
        try await self.store.modify(location.name, timeout: self.configuration.timeout) { stored in
            guard let stored, let successor = self.sealer.successor(in: stored, at: now, in: location), successor != newest else {
                return (.keep, ())
            }
            let end = min(end, stored.expiresAt)
            let tombstone = self.sealer.tombstone(of: newest, replacing: stored, until: end, at: now, in: location, using: &generator)
            return (.write(tombstone), ())
        }
    }

    /// Lets a replaced identifier lead to its successor until `end` only.
    package func retire(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        by end: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) {
        guard let location = self.location(of: identifier) else { return }
        try await self.store.modify(location.name, timeout: self.configuration.timeout) { stored in
            guard let stored, end < stored.expiresAt, let successor = self.sealer.successor(in: stored, at: now, in: location) else {
                return (.keep, ())
            }
            let tombstone = self.sealer.tombstone(of: successor, replacing: stored, until: end, at: now, in: location, using: &generator)
            return (.write(tombstone), ())
        }
    }
}
