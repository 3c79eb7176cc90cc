public import SessionSecurity

/// Sessions by identifier, over any store: names them, opens and seals their records, and lets changes be made under the store's lock.
///
/// The store below never sees an identifier, a key or a value; what is above never sees a name, a generation or a sealed byte.
public final class SessionRepository: Sendable {
    /// A session as it was read.
    public struct Opened: Sendable {
        /// The record.
        public var record: SessionRecord
        /// Counts the writes of the session.
        public var generation: UInt64
    }

    /// What is to become of a session under its lock.
    public enum Change: Sendable {
        /// Leave it.
        case keep
        /// Replace its record; it expires at the given time.
        case write(SessionRecord, expiresAt: Timestamp)
        /// End it.
        case remove
    }

    private let store: any SessionStore
    private let secrets: ServerSecrets
    private let configuration: SessionRepositoryConfiguration
    private let cache: OpenedSessionCache
    private let report: @Sendable (SessionIncident) -> Void

    /// Creates a repository.
    ///
    /// - Parameters:
    ///   - store: Where the sessions are kept.
    ///   - secrets: The server's secrets: the newest names and seals new sessions, all of them open existing ones.
    ///   - configuration: Protection, patience and limits.
    ///   - report: Called for each session that had to be given up; must not block.
    public init(
        store: any SessionStore,
        secrets: ServerSecrets,
        configuration: SessionRepositoryConfiguration = SessionRepositoryConfiguration(),
        report: @escaping @Sendable (SessionIncident) -> Void = { _ in }
    ) {
        self.store = store
        self.secrets = secrets
        self.configuration = configuration
        self.cache = OpenedSessionCache(capacity: configuration.cachedSessions)
        self.report = report
    }

    /// The keys of new sessions.
    public var newestKeys: ServerKeys { self.secrets.newest }

    /// The keys an identifier belongs to; `nil` when the server does not have its secret.
    public func keys(of identifier: SessionIdentifier) -> ServerKeys? {
        self.secrets.keys(number: identifier.secretNumber)
    }

    /// Reads a session without locking it.
    ///
    /// - Returns: The record; `nil` when there is no such session, when it expired before `now`, ended, or could not be opened.
    /// - Throws: What the store throws, except for damage, which is reported and means that there is no session.
    public func open(_ identifier: SessionIdentifier, at now: Timestamp) async throws(SessionStoreError) -> Opened? {
        guard let keys = self.keys(of: identifier), let name = SessionName(bytes: keys.storageName(of: identifier)) else { return nil }
        let stored: StoredSession?
        do {
            stored = try await self.store.read(name)
        } catch {
            try self.settle(error, of: name)
            return nil
        }
        guard let stored, stored.isLive(at: now) else {
            self.cache.forget(name)
            return nil
        }
        switch self.unseal(stored, named: name, of: identifier, keys: keys) {
        case .success(let opened): return opened
        case .failure:
            await self.putAside(name, generation: stored.generation)
            return nil
        }
    }

    /// Makes a session under a fresh identifier.
    ///
    /// - Parameters:
    ///   - record: The first record.
    ///   - expiresAt: From when on it counts as absent.
    ///   - now: The time of the request.
    ///   - keys: The keys it belongs to: the newest, or those of the session it succeeds.
    ///   - generator: Draws the identifier.
    public func create(
        _ record: SessionRecord,
        expiresAt: Timestamp,
        at now: Timestamp,
        keys: ServerKeys,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) -> SessionIdentifier {
        while true {
            let identifier = SessionIdentifier(secretNumber: keys.number, using: &generator)
            guard let name = SessionName(bytes: keys.storageName(of: identifier)) else { preconditionFailure("a name has 32 bytes") }
            let sealKey = keys.sealKey(of: identifier)
            let stored = self.seal(
                record,
                generation: 1,
                expiresAt: expiresAt,
                at: now,
                named: name,
                keys: keys,
                sealKey: sealKey,
                using: &generator
            )
            do {
                try await self.store.create(stored, named: name)
            } catch  where error.code == .nameTaken {
                continue  // cannot happen by chance with 256 random bits, but must not open somebody else's session if it does
            }
            self.cache.remember(name, record: record, storedAs: stored, sealKey: sealKey)
            return identifier
        }
    }

    /// Gives `body` the only view of a session and does what it says.
    ///
    /// - Parameters:
    ///   - identifier: The session.
    ///   - now: The time of the request.
    ///   - generator: Randomness for sealing.
    ///   - body: Sees the session as it is now, or `nil` when there is none (any more); may run again.
    /// - Returns: What `body` returned beside its change.
    public func change<Result: Sendable>(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: (Opened?) -> (change: Change, result: Result)
    ) async throws(SessionStoreError) -> Result {
        guard let keys = self.keys(of: identifier), let name = SessionName(bytes: keys.storageName(of: identifier)) else {
            return body(nil).result
        }
        var failedGeneration: UInt64?
        var written: (record: SessionRecord, stored: StoredSession, sealKey: SealKey)?
        let result: Result
        do {
            result = try await self.store.modify(name, patience: self.configuration.patience) { stored in
                failedGeneration = nil
                written = nil
                guard let stored, stored.isLive(at: now) else { return (.keep, body(nil).result) }
                guard case .success(let opened) = self.unseal(stored, named: name, of: identifier, keys: keys) else {
                    failedGeneration = stored.generation
                    return (.keep, body(nil).result)
                }
                let (change, result) = body(opened)
                switch change {
                case .keep: return (.keep, result)
                case .remove: return (.remove, result)
                case .write(let record, let expiresAt):
                    let sealKey = self.cache.sealKey(of: name) ?? keys.sealKey(of: identifier)
                    let next = self.seal(
                        record,
                        generation: opened.generation + 1,
                        expiresAt: expiresAt,
                        at: now,
                        named: name,
                        keys: keys,
                        sealKey: sealKey,
                        using: &generator
                    )
                    written = (record, next, sealKey)
                    return (.write(next), result)
                }
            }
        } catch {
            self.cache.forget(name)
            try self.settle(error, of: name)
            return body(nil).result
        }
        if let failedGeneration { await self.putAside(name, generation: failedGeneration) }
        if let written {
            self.cache.remember(name, record: written.record, storedAs: written.stored, sealKey: written.sealKey)
        }
        return result
    }

    /// Removes what expired, see ``SessionStore/sweep(expiredAt:budget:)``.
    public func sweep(expiredAt now: Timestamp, budget: Int) async throws(SessionStoreError) -> SweepReport {
        try await self.store.sweep(expiredAt: now, budget: budget)
    }

    // MARK: Sealing

    private struct DoesNotOpen: Error {}

    private func seal(
        _ record: SessionRecord,
        generation: UInt64,
        expiresAt: Timestamp,
        at now: Timestamp,
        named name: SessionName,
        keys: ServerKeys,
        sealKey: SealKey,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        var stored = StoredSession(
            protection: self.configuration.protection,
            secretNumber: keys.number,
            generation: generation,
            createdAt: record.createdAt,
            writtenAt: now,
            expiresAt: expiresAt,
            userTag: record.user.map { keys.userTag(of: $0.name) } ?? [],
            payload: record.encoded()
        )
        if stored.protection == .sealed {
            let context = stored.sealContext(named: name, payloadByteCount: stored.payload.count + SessionSeal.overhead)
            stored.payload = SessionSeal.seal(stored.payload, with: sealKey, context: context, using: &generator)
        }
        return stored
    }

    private func unseal(
        _ stored: StoredSession,
        named name: SessionName,
        of identifier: SessionIdentifier,
        keys: ServerKeys
    ) -> Swift.Result<Opened, DoesNotOpen> {
        if let record = self.cache.record(of: name, storedAs: stored) {
            return .success(Opened(record: record, generation: stored.generation))
        }
        let sealKey = self.cache.sealKey(of: name) ?? keys.sealKey(of: identifier)
        let bytes: [UInt8]?
        switch (stored.protection, self.configuration.protection) {
        case (.none, .none): bytes = stored.payload
        case (.sealed, _):
            let context = stored.sealContext(named: name, payloadByteCount: stored.payload.count)
            bytes = SessionSeal.open(stored.payload, with: sealKey, context: context)
        case (.none, .sealed): bytes = nil  // where records are sealed, an open one is forged
        }
        guard let bytes, let record = SessionRecord(decoding: bytes) else { return .failure(DoesNotOpen()) }
        self.cache.remember(name, record: record, storedAs: stored, sealKey: sealKey)
        return .success(Opened(record: record, generation: stored.generation))
    }

    private func putAside(_ name: SessionName, generation: UInt64) async {
        self.cache.forget(name)
        self.report(SessionIncident(name: name, kind: .doesNotOpen))
        // If even this fails the session stays unusable, which is what matters.
        try? await self.store.quarantine(name, generation: generation)
    }

    private func settle(_ error: SessionStoreError, of name: SessionName) throws(SessionStoreError) {
        guard error.code == .damaged else { throw error }
        self.cache.forget(name)
        self.report(SessionIncident(name: name, kind: .damaged))
    }
}
