// Logins that a browser is remembered for: beside the sessions, in the same store and in the same index of users, so that whatever ends
// all sessions of a user ends these as well.
extension SessionRepository {
    /// What is to become of a remembered login under its lock.
    package enum RememberedChange: Sendable {
        /// Leave it.
        case keep
        /// Replace it; when it ends stays.
        case write(RememberedLogin)
        /// End it.
        case remove
    }

    /// Keeps a login and returns the name that leads to it.
    ///
    /// - Parameters:
    ///   - login: The login.
    ///   - epoch: The number that logins carried when the request arrived.
    ///   - expiresAt: When it ends.
    ///   - now: The time of the request.
    ///   - generator: Draws its name.
    package func remember(
        _ login: RememberedLogin,
        epoch: UInt64,
        expiresAt: Timestamp,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) -> SessionIdentifier {
        let keys = self.newestKeys
        let origin = SessionOrigin(handle: SessionHandle(using: &generator), epoch: try await self.store.epoch())
        while true {
            let identifier = SessionIdentifier(secretNumber: keys.number, using: &generator)
            let name = keys.rememberStorageName(of: identifier)
            let stored = Self.seal(
                login,
                identifier,
                keys,
                of: origin,
                epoch: epoch,
                generation: 1,
                expiresAt: expiresAt,
                at: now,
                using: &generator
            )
            do {
                try await self.store.create(stored, named: name)
                return identifier
            } catch  where error.code == .nameTaken {
                continue
            }
        }
    }

    /// Gives `body` the only view of a remembered login and does what it says.
    ///
    /// - Parameters:
    ///   - identifier: Its name.
    ///   - now: The time of the request.
    ///   - generator: Randomness for sealing.
    ///   - body: Sees the login as it is now, when it ends and its handle, or `nil` when there is none (any more); may run again.
    /// - Returns: What `body` returned beside its change.
    package func changeRemembered<Result: Sendable>(
        _ identifier: SessionIdentifier,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        _ body: ((login: RememberedLogin, expiresAt: Timestamp, handle: SessionHandle)?) -> (change: RememberedChange, result: Result)
    ) async throws(SessionStoreError) -> Result {
        guard let keys = self.keys(of: identifier) else { return body(nil).result }
        return try await self.store.modify(keys.rememberStorageName(of: identifier), timeout: self.configuration.timeout) { stored in
            guard let stored, stored.isLive(at: now), let login = Self.open(stored, identifier, keys) else {
                return (.keep, body(nil).result)
            }
            let (change, result) = body((login, stored.expiresAt, stored.handle))
            switch change {
            case .keep: return (.keep, result)
            case .remove: return (.remove, result)
            case .write(let login):
                let next = Self.seal(
                    login,
                    identifier,
                    keys,
                    of: SessionOrigin(handle: stored.handle, epoch: stored.epoch),
                    epoch: stored.loginEpoch,
                    generation: stored.generation + 1,
                    expiresAt: stored.expiresAt,
                    at: now,
                    using: &generator
                )
                return (.write(next), result)
            }
        }
    }

    /// Gives a remembered login of a user the number that their logins carry from here on.
    func renew(
        _ identifier: SessionIdentifier,
        of user: String,
        epoch: UInt64,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) async throws(SessionStoreError) {
        guard let keys = self.keys(of: identifier) else { return }
        try await self.store.modify(keys.rememberStorageName(of: identifier), timeout: self.configuration.timeout) { stored in
            guard let stored, stored.isLive(at: now), let login = Self.open(stored, identifier, keys), login.user == user else {
                return (.keep, ())
            }
            let next = Self.seal(
                login,
                identifier,
                keys,
                of: SessionOrigin(handle: stored.handle, epoch: stored.epoch),
                epoch: max(stored.loginEpoch, epoch),
                generation: stored.generation + 1,
                expiresAt: stored.expiresAt,
                at: now,
                using: &generator
            )
            return (.write(next), ())
        }
    }

    /// Ends the remembered logins that come from a session of which there are copies, and the one that it began with, which lay in the same jar.
    ///
    /// Where one of those that come from it was used, all sessions of the user end, as nobody can tell which of them began with it.
    ///
    /// - Returns: Whether all have ended.
    func endMemories(
        from source: SessionHandle,
        of user: String,
        begunWith memory: SessionHandle?,
        at now: Timestamp
    ) async throws(SessionStoreError) -> Bool {
        var wasUsed = false
        for keys in self.secrets.all {
            let tag = keys.userTag(of: user)
            for name in try await self.store.names(ofUser: tag) {
                wasUsed =
                    try await self.store.modify(name, timeout: self.configuration.timeout) { stored in
                        guard let stored, stored.state == .live, stored.protection == .listed, stored.userTag == tag else {
                            return (.keep, false)
                        }
                        if SessionSealer.label(of: stored, named: name, keys: keys)?.source == source {
                            return (.remove, stored.generation > 1)
                        }
                        return (stored.handle == memory ? .remove : .keep, false)
                    } || wasUsed
            }
        }
        if wasUsed { _ = try await self.revokeAll(user: user, at: now) }
        return wasUsed
    }

    // MARK: Parts

    private static func seal(
        _ login: RememberedLogin,
        _ identifier: SessionIdentifier,
        _ keys: ServerKeys,
        of origin: SessionOrigin,
        epoch: UInt64,
        generation: UInt64,
        expiresAt: Timestamp,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        var stored = StoredSession(
            protection: .listed,
            secretNumber: keys.number,
            handle: origin.handle,
            epoch: origin.epoch,
            loginEpoch: epoch,
            generation: generation,
            createdAt: login.createdAt,
            writtenAt: now,
            expiresAt: expiresAt,
            userTag: keys.userTag(of: login.user),
            payload: []
        )
        let name = keys.rememberStorageName(of: identifier)
        var label: [UInt8] = []
        SessionSeal.seal(
            SessionLabel(loggedInAt: login.createdAt, device: login.device, source: login.source).encoded(),
            into: &label,
            with: keys.labelKey(of: name),
            context: SessionSealer.labelContext(of: stored, named: name).bytes,
            using: &generator
        )
        let bytes = login.encoded()
        let context = stored.sealContext(
            named: name,
            payloadByteCount: SessionSealer.lengthByteCount + label.count + bytes.count + SessionSeal.overhead
        )
        stored.payload = [UInt8(truncatingIfNeeded: label.count >> 8), UInt8(truncatingIfNeeded: label.count)] + label
        let key = keys.rememberSealKey(of: identifier)
        unsafe context.withUnsafeBytes { context in
            unsafe bytes.withUnsafeBytes {
                unsafe SessionSeal.seal($0, into: &stored.payload, with: key, context: context, using: &generator)
            }
        }
        return stored
    }

    private static func open(_ stored: StoredSession, _ identifier: SessionIdentifier, _ keys: ServerKeys) -> RememberedLogin? {
        let sealed: ArraySlice<UInt8>
        switch stored.protection {
        case .remembered: sealed = stored.payload[...]
        case .listed:
            guard let (_, rest) = SessionSealer.split(stored.payload) else { return nil }
            sealed = rest
        case .none, .sealed, .labelled: return nil
        }
        let context = stored.sealContext(named: keys.rememberStorageName(of: identifier), payloadByteCount: stored.payload.count)
        let key = keys.rememberSealKey(of: identifier)
        return unsafe context.withUnsafeBytes { unsafe SessionSeal.open(sealed, with: key, context: $0) }
            .flatMap { RememberedLogin(decoding: $0) }
    }
}
