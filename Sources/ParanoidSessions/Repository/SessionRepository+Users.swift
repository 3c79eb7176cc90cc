// A user's sessions, found without knowing an identifier of theirs.
extension SessionRepository {
    /// A user's live sessions, the one that began first at the front.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - now: The time.
    ///   - current: The session that asks, to be marked.
    /// - Throws: What the store throws; a session that cannot be read is left out.
    package func list(
        user: String,
        at now: Timestamp,
        current: SessionIdentifier? = nil
    ) async throws(SessionStoreError) -> [SessionListing] {
        let currentName = current.flatMap { self.location(of: $0)?.name }
        var listings: [SessionListing] = []
        for found in try await self.sessions(ofUser: user, at: now) {
            let label = SessionSealer.label(of: found.stored, named: found.name, keys: found.keys)
            listings.append(
                SessionListing(
                    handle: found.stored.handle,
                    createdAt: found.stored.createdAt,
                    loggedInAt: label?.loggedInAt,
                    writtenAt: found.stored.writtenAt,
                    expiresAt: found.stored.expiresAt,
                    device: label?.device,
                    isCurrent: found.name == currentName
                )
            )
        }
        return listings.sorted { ($0.began, $0.handle.description) < ($1.began, $1.handle.description) }
    }

    private struct Found {
        var name: SessionName
        var keys: ServerKeys
        var tag: UserTag
        var stored: StoredSession
    }

    /// A user's sessions that live at a time; `nil` takes the expired ones as well.
    private func sessions(ofUser user: String, at now: Timestamp?) async throws(SessionStoreError) -> [Found] {
        var found: [Found] = []
        for keys in self.secrets.all {
            let tag = keys.userTag(of: user)
            for name in try await self.store.names(ofUser: tag) {
                // What is damaged is no session, and what cannot be reached now is not to hide the others.
                guard let stored = try? await self.store.read(name), stored.state == .live, now.map({ $0 < stored.expiresAt }) ?? true,
                    stored.userTag == tag, stored.protection != .remembered
                else { continue }
                found.append(Found(name: name, keys: keys, tag: tag, stored: stored))
            }
        }
        return found
    }

    /// Ends one of a user's sessions.
    ///
    /// - Returns: Whether it was one of this user's and has ended by this call.
    package func revoke(_ handle: SessionHandle, of user: String) async throws(SessionStoreError) -> Bool {
        var hasEnded = false
        // While a session is being rotated there are two files of one handle.
        for found in try await self.sessions(ofUser: user, at: nil) where found.stored.handle == handle {
            let ended = try await self.store.modify(found.name, timeout: self.configuration.timeout) { stored in
                guard let stored, stored.state == .live, stored.userTag == found.tag, stored.handle == handle else { return (.keep, false) }
                return (.remove, true)
            }
            hasEnded = hasEnded || ended
        }
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
    package func revokeAll(
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

    /// Ends all sessions of everybody, those too that begin meanwhile, in one step however many they are; no clock matters.
    package func revokeEveryone() async throws(SessionStoreError) {
        try await self.store.beginEpoch()
    }

    /// Makes the list of users' sessions anew, see ``SessionStore/reindex()``.
    package func reindex() async throws(SessionStoreError) -> Int {
        try await self.store.reindex()
    }

    // MARK: Limits

    /// Whether there is a limit at all.
    var limitsSessions: Bool { self.configuration.limitPerUser != nil }

    /// Whether a user may begin one more session: always, unless the limit is reached and says to refuse.
    package func admits(user: String, at now: Timestamp, besides current: SessionIdentifier?) async throws(SessionStoreError) -> Bool {
        guard let limit = self.configuration.limitPerUser, limit.policy == .refuse else { return true }
        return try await self.list(user: user, at: now, current: current).count { !$0.isCurrent } < limit.count
    }

    /// Ends what is over a user's limit, now that a session of theirs has begun.
    ///
    /// - Returns: `false` when that session itself was one too many, as others were faster; it has ended then.
    package func enforceLimit(user: String, at now: Timestamp, begun: SessionIdentifier) async throws(SessionStoreError) -> Bool {
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
