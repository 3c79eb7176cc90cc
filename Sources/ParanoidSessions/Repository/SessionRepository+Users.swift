// A user's sessions, found without knowing an identifier of theirs.
extension SessionRepository {
    /// A user's live sessions and remembered logins, the one that began first at the front.
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
                    kind: found.stored.isRemembered ? .rememberedLogin : .session,
                    isCurrent: found.name == currentName,
                    isWithheld: label?.isWithheld ?? false
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

    /// A user's sessions and remembered logins that live at a time; `nil` takes the expired ones as well.
    private func sessions(ofUser user: String, at now: Timestamp?) async throws(SessionStoreError) -> [Found] {
        var found: [Found] = []
        for keys in self.secrets.all {
            let tag = keys.userTag(of: user)
            for name in try await self.store.names(ofUser: tag) {
                // What is damaged is no session, and what cannot be reached now is not to hide the others.
                guard let stored = try? await self.store.read(name), stored.state == .live, now.map({ $0 < stored.expiresAt }) ?? true,
                    stored.userTag == tag
                else { continue }
                found.append(Found(name: name, keys: keys, tag: tag, stored: stored))
            }
        }
        return found
    }

    /// Whether the index of users has anything under a user's name, which may be over.
    package func knows(user: String) async throws(SessionStoreError) -> Bool {
        for keys in self.secrets.all where try await !self.store.names(ofUser: keys.userTag(of: user)).isEmpty { return true }
        return false
    }

    /// What the log calls a user, under each of the server's secrets, the newest first.
    package func logTags(ofUser user: String) -> [(secret: UInt8, tag: String)] {
        self.secrets.all.map { ($0.number, "\($0.logTag(of: Array(user.utf8)))") }
    }

    /// Ends one of a user's sessions, also one that is being rotated meanwhile.
    ///
    /// - Returns: Whether it was one of this user's and has ended by this call.
    package func revoke(_ handle: SessionHandle, of user: String, at now: Timestamp) async throws(SessionStoreError) -> Bool {
        var hasEnded = false
        // While a session is being rotated there are two files of one handle, the old one until the new one is there: a look that finds
        // neither has missed none.
        for _ in 0..<32 {
            let isOver = try await self.revokeFound(handle, of: user, at: now, &hasEnded)
            if isOver { break }
        }
        return hasEnded
    }

    /// - Returns: Whether there was none.
    private func revokeFound(
        _ handle: SessionHandle,
        of user: String,
        at now: Timestamp,
        _ hasEnded: inout Bool
    ) async throws(SessionStoreError) -> Bool {
        var isOver = true
        for found in try await self.sessions(ofUser: user, at: nil) where found.stored.handle == handle {
            isOver = false
            let ended = try await self.store.modify(found.name, timeout: self.configuration.timeout) { stored in
                guard let stored, stored.state == .live, stored.userTag == found.tag, stored.handle == handle else { return (.keep, false) }
                return (self.end(stored, at: now), true)
            }
            hasEnded = hasEnded || ended
        }
        return isOver
    }

    /// What is left of a session that was ended from elsewhere: it says for a while that it is gone, so that a request that still shows it is not
    /// taken for a new visitor's.
    private func end(_ stored: StoredSession, at now: Timestamp) -> SessionChange {
        guard let window = self.configuration.goneWindow, !stored.isRemembered else { return .remove }
        return .write(self.sealer.tombstone(replacing: stored, until: now.advanced(by: window), at: now))
    }

    /// What a request ends of a user.
    package struct Revoked: Sendable {
        /// How many sessions.
        package var count: Int
        /// The number that the user's logins carry from here on.
        package var epoch: UInt64
    }

    /// Ends all sessions of a user, or all but one, and what browsers are remembered by, or all but one: in one step, so that it reaches what
    /// is created, rotated or redeemed at that moment, and each login whose request arrived before.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - now: The time.
    ///   - kept: The session that stays.
    ///   - memory: The remembered login that stays.
    package func revokeAll(
        user: String,
        at now: Timestamp,
        except kept: SessionIdentifier? = nil,
        besides memory: SessionIdentifier? = nil
    ) async throws(SessionStoreError) -> Revoked {
        let epoch = try await self.store.beginLoginEpoch()
        // What stays is given the number before it counts: no request of its owner finds it ended in between.
        var generator = SessionRandom(source: SessionRandom.system)
        if let kept {
            try await self.change(kept, at: now, using: &generator) { opened in
                guard let opened, var own = opened.record.user, own.name == user else { return (.keep, ()) }
                own.epoch = max(own.epoch, epoch)
                var record = opened.record
                record.user = own
                return (.write(record, expiresAt: opened.expiresAt), ())
            }
        }
        if let memory { try await self.renew(memory, of: user, epoch: epoch, at: now, using: &generator) }
        var count = 0
        for keys in self.secrets.all {
            let tag = keys.userTag(of: user)
            for name in try await self.store.names(ofUser: tag) {
                if await self.remove(name, of: tag, before: epoch, at: now) { count += 1 }
            }
            try await self.store.endLogins(of: tag, before: epoch)
        }
        return Revoked(count: count, epoch: epoch)
    }

    /// Removes a session or a remembered login that is about to end with all others of its user, unless somebody holds it just now.
    ///
    /// - Returns: Whether it was a session that lived until then.
    private func remove(_ name: SessionName, of tag: UserTag, before epoch: UInt64, at now: Timestamp) async -> Bool {
        do {
            return try await self.store.modify(name, timeout: .zero) { stored in
                guard let stored, stored.state == .live, stored.userTag == tag, stored.loginEpoch < epoch else { return (.keep, false) }
                return (self.end(stored, at: now), !stored.isRemembered && now < stored.expiresAt)
            }
        } catch {
            // What cannot be removed ends all the same.
            return error.code == .lockTimeout || error.code == .tooManyWaiting
        }
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
        return try await self.list(user: user, at: now, current: current).count { $0.countsForLimit && !$0.isCurrent } < limit.count
    }

    /// Ends what is over a user's limit, now that a session of theirs has begun.
    ///
    /// - Parameter onEnd: Called for each of the older sessions that this has ended.
    /// - Returns: `false` when that session itself was one too many, as others were faster; it has ended then.
    package func enforceLimit(
        user: String,
        at now: Timestamp,
        begun: SessionIdentifier,
        onEnd: (SessionHandle) -> Void = { _ in }
    ) async throws(SessionStoreError) -> Bool {
        guard let limit = self.configuration.limitPerUser else { return true }
        let listings = try await self.list(user: user, at: now, current: begun).filter(\.countsForLimit)
        switch limit.policy {
        case .oldestEnds:
            for listing in listings.filter({ !$0.isCurrent }).prefix(max(0, listings.count - limit.count)) {
                if try await self.revoke(listing.handle, of: user, at: now) { onEnd(listing.handle) }
            }
        case .refuse:
            // All who see each other agree on the order, so of two that are one too many together only the later goes.
            for listing in listings.dropFirst(limit.count) where listing.isCurrent {
                _ = try await self.revoke(listing.handle, of: user, at: now)
                return false
            }
        }
        return true
    }
}

extension SessionListing {
    fileprivate var began: Timestamp { self.loggedInAt ?? self.createdAt }
}
