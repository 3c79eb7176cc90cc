// A user's sessions, found without knowing an identifier of theirs.
extension SessionRepository {
    /// A user's live sessions, the one that began first at the front.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - now: The time.
    ///   - current: The session that asks, to be marked.
    /// - Throws: What the store throws; a session that cannot be read is left out.
    public func list(
        user: String,
        at now: Timestamp,
        current: SessionIdentifier? = nil
    ) async throws(SessionStoreError) -> [SessionListing] {
        let currentName = current.flatMap { identifier in self.keys(of: identifier).map { self.sealer.place(of: identifier, keys: $0).name }
        }
        var listings: [SessionListing] = []
        for keys in self.secrets.all {
            let tag = keys.userTag(of: user)
            for name in try await self.store.names(ofUser: tag) {
                guard let stored = await self.storedSession(name, ofUser: tag, at: now) else { continue }
                let label = SessionSealer.label(of: stored, named: name, keys: keys)
                listings.append(
                    SessionListing(
                        handle: SessionHandle(name),
                        createdAt: stored.createdAt,
                        loggedInAt: label?.loggedInAt,
                        writtenAt: stored.writtenAt,
                        expiresAt: stored.expiresAt,
                        device: label?.device,
                        isCurrent: name == currentName
                    )
                )
            }
        }
        return listings.sorted { ($0.began, $0.handle.description) < ($1.began, $1.handle.description) }
    }

    private func storedSession(_ name: SessionName, ofUser tag: [UInt8], at now: Timestamp) async -> StoredSession? {
        // What is damaged is no session, and what cannot be reached now is not to hide the others.
        guard let stored = try? await self.store.read(name), stored.isLive(at: now), stored.userTag == tag,
            stored.protection != .remembered
        else { return nil }
        return stored
    }

    /// Ends one of a user's sessions.
    ///
    /// - Returns: Whether it was one of this user's and has ended by this call.
    public func revoke(_ handle: SessionHandle, of user: String) async throws(SessionStoreError) -> Bool {
        let tags = self.secrets.all.map { $0.userTag(of: user) }
        let hasEnded = try await self.store.modify(handle.name, timeout: self.configuration.timeout) { stored in
            guard let stored, stored.state == .live, tags.contains(stored.userTag) else { return (.keep, false) }
            return (.remove, true)
        }
        if hasEnded { self.sealer.cache.forget(handle.name) }
        return hasEnded
    }

    /// Ends all sessions of a user, or all but one, and what browsers are remembered by, see ``forgetAll(user:at:except:)``.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - now: The time.
    ///   - kept: The session that stays.
    ///   - memory: The remembered login that stays.
    /// - Returns: How many sessions have ended.
    public func revokeAll(
        user: String,
        at now: Timestamp,
        except kept: SessionIdentifier? = nil,
        besides memory: SessionIdentifier? = nil
    ) async throws(SessionStoreError) -> Int {
        // First, as it could begin a session.
        try await self.forgetAll(user: user, at: now, except: memory)
        var count = 0
        for listing in try await self.list(user: user, at: now, current: kept) where !listing.isCurrent {
            if try await self.revoke(listing.handle, of: user) { count += 1 }
        }
        return count
    }

    /// Ends all sessions of everybody that began by now, in one step however many they are.
    public func revokeEveryone(at now: Timestamp) async throws(SessionStoreError) {
        try await self.store.endAll(begunBy: now)
    }

    /// Makes the list of users' sessions anew, see ``SessionStore/reindex()``.
    public func reindex() async throws(SessionStoreError) -> Int {
        try await self.store.reindex()
    }

    // MARK: Limits

    /// Whether a user may begin one more session: always, unless the limit is reached and says to refuse.
    public func admits(user: String, at now: Timestamp, besides current: SessionIdentifier?) async throws(SessionStoreError) -> Bool {
        guard let limit = self.configuration.limitPerUser, limit.policy == .refuse else { return true }
        return try await self.list(user: user, at: now, current: current).count { !$0.isCurrent } < limit.count
    }

    /// Ends what is over a user's limit, now that a session of theirs has begun.
    ///
    /// - Returns: `false` when that session itself was one too many, as others were faster; it has ended then.
    public func enforceLimit(user: String, at now: Timestamp, begun: SessionIdentifier) async throws(SessionStoreError) -> Bool {
        guard let limit = self.configuration.limitPerUser else { return true }
        let listings = try await self.list(user: user, at: now, current: begun)
        switch limit.policy {
        case .oldestEnds:
            for listing in listings.filter({ !$0.isCurrent }).prefix(max(0, listings.count - limit.count)) {
                _ = try await self.revoke(listing.handle, of: user)
            }
        case .refuse:
            // All who see each other agree on the order, so of two that are one too many together only the later goes.
            for listing in listings.dropFirst(limit.count) where listing.isCurrent {
                _ = try await self.revoke(listing.handle, of: user)
                return false
            }
        }
        return true
    }
}

extension SessionListing {
    fileprivate var began: Timestamp { self.loggedInAt ?? self.createdAt }
}
