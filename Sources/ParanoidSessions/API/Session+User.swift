internal import Synchronization

// Logins, and a user's other sessions.
extension Session {
    /// Records that the client is this user: under a new identifier, and over HTTPS with a new second key.
    ///
    /// By default the values of an anonymous session go over into the login, such as a cart. Whoever plants an anonymous session of their own
    /// knows what it held, and nothing of what comes later, as the identifier is a new one; where such values could do harm (an address to
    /// go to, a step of another flow), name those that may stay. Values of another user never go over unless they are named.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - level: How surely the user has proved to be it.
    ///   - device: What the user is to see of this login among all sessions; nothing is kept unless it is given.
    ///   - kept: What stays of the values that the session holds.
    /// - Throws: ``SessionError/tooManySessions`` when the user has as many sessions as the limit allows and the policy is to refuse;
    ///   ``RequestRefusal`` when another site has sent the request in a way that keeps cookies back: whoever sent it would choose the login,
    ///   and a session that the client may have would be replaced. Answer such a request (SAML, `form_post`) with a page of your own that
    ///   sends the form on.
    public func logIn(
        as user: String,
        level: AssuranceLevel = .password,
        device: SessionDevice? = nil,
        keeping kept: ValueRetention = .all
    ) async throws {
        try await self.logIn(as: user, level: level, device: device, keeping: kept, with: nil)
    }

    private func logIn(
        as user: String,
        level: AssuranceLevel,
        device: SessionDevice?,
        keeping kept: ValueRetention,
        with memory: SessionHandle?
    ) async throws {
        if case .none(.crossSite(hasNone: false)) = try await self.read({ $0.standing }) { throw RequestRefusal(.crossSite) }
        try await self.writable().checkAdmission(of: user)
        // A user who was asked for a proof has given it, unless it is the browser alone that was recognised.
        if level > .remembered { try await self.writable().release(if: { $0.user == user }) }
        let now = self.transaction.now
        let epoch = try self.transaction.knownLoginEpoch()
        try await self.writable().edit { state in
            let previous = state.user
            // The token with which the user has logged in before is in the same jar still.
            let memory = memory ?? (previous?.name == user ? previous?.memory : nil)
            let login = SessionUser(name: user, loggedInAt: now, level: level, device: device, memory: memory, epoch: epoch)
            if let names = kept.names {
                state.edits.keepOnly(names)
            } else if let previous, previous.name != user {
                state.edits.keepOnly([])
            }
            state.edits.user = login
            state.renewal = .all
        }
    }

    /// Ends the session on the server at once, also one that is withheld; the client's cookies go with the response, and the token it may be
    /// remembered by.
    ///
    /// - Parameter clearing: What the browser is told to forget of this site beside them; over HTTPS only, where browsers obey.
    public func logOut(clearing: Set<ClearSiteData> = []) async throws {
        try await self.writable().end()
        try await self.writable().forgetPresented()
        self.transaction.pending.withLock { $0.clearSiteData.formUnion(clearing) }
    }

    /// All live sessions of the user who is logged in here, and the browsers that the user is remembered by, the oldest login first; none when
    /// nobody is logged in.
    ///
    /// A login that is not committed yet is not among them.
    public func list() async throws -> [SessionListing] {
        guard let user = try await self.user else { return [] }
        return try await self.transaction.list(user: user)
    }

    /// Ends one of the sessions that ``list()`` gives; for this one it is ``logOut(clearing:)``.
    ///
    /// - Returns: Whether it was one of this user's, and lived until now.
    public func revoke(_ handle: SessionHandle) async throws -> Bool {
        guard let user = try await self.user else { return false }
        if try await self.transaction.list(user: user).contains(where: { $0.isCurrent && $0.handle == handle }) {
            try await self.logOut()
            return true
        }
        return try await self.writable().revoke(handle, of: user)
    }

    /// Ends all sessions of this user but this one, and what other browsers are remembered by; for a change of the password, say.
    ///
    /// - Returns: How many have ended.
    public func revokeOthers() async throws -> Int {
        guard let user = try await self.user else { return 0 }
        return try await self.writable().revokeOthers(of: user)
    }
}

// How surely a user is who it says, and when that was proved.
extension Session {
    /// How surely the user has proved to be it; `nil` when nobody is logged in.
    public var level: AssuranceLevel? {
        get async throws { try await self.read { $0.user?.level } }
    }

    /// When the user last proved to be it, at the login or a step-up; `nil` when nobody is logged in.
    package var lastAuthentication: Timestamp? {
        get async throws { try await self.read { $0.user?.authenticatedAt } }
    }

    /// Records that the user has just proved more, or the same once more: under a new identifier, and over HTTPS with a new second key.
    ///
    /// The level rises here and in ``logIn(as:level:device:keeping:)`` only. A proof of a lower level than the session's counts as recent
    /// and leaves the level.
    ///
    /// - Throws: ``RequestRefusal`` when nobody is logged in.
    public func stepUp(to level: AssuranceLevel) async throws {
        let now = self.transaction.now
        try await self.writable().edit { state in
            guard var user = state.user else { throw RequestRefusal(.notLoggedIn) }
            user.level = max(user.level, level)
            user.authenticatedAt = now
            state.edits.user = user
            state.renewal = .all
        }
    }

    /// Lowers the level, for example when the user leaves a protected area; a level that is not lower changes nothing.
    public func stepDown(to level: AssuranceLevel) async throws {
        try await self.writable().edit { state in
            guard var user = state.user, level < user.level else { return }
            user.level = level
            state.edits.user = user
        }
    }

    /// Goes on only if the user has proved enough.
    ///
    /// - Throws: ``RequestRefusal``, which is answered with 401 or 403.
    public func require(_ level: AssuranceLevel) async throws {
        guard let user = try await self.read({ $0.user }) else { throw RequestRefusal(.notLoggedIn) }
        if user.level < level { throw RequestRefusal(.levelTooLow) }
    }

    /// Goes on only if the user has proved to be it a short while ago.
    ///
    /// Being remembered by a browser is no proof, and neither is one that seems to lie in the future because a clock was set back.
    ///
    /// - Throws: ``RequestRefusal``, which is answered with 401 or 403.
    public func requireFreshLogin(within age: Duration) async throws {
        guard let user = try await self.read({ $0.user }) else { throw RequestRefusal(.notLoggedIn) }
        let passed = user.authenticatedAt.duration(to: self.transaction.now)
        guard user.level > .remembered, passed <= age, passed >= Self.clockTolerance else { throw RequestRefusal(.notRecent) }
    }

    /// How far the clocks of two workers may differ.
    private static var clockTolerance: Duration { .seconds(-5) }
}

// Being remembered beyond the session.
extension Session {
    /// Lets the browser log the user in later without being asked, by a token of its own that is replaced with each use.
    ///
    /// For a box "stay logged in" at the login, over HTTPS. The token lives for `SESSION_REMEMBER_AGE`, counted from here,
    /// and ends with ``logOut(clearing:)`` in this browser, with ``revokeOthers()`` in others, and with all sessions of the user.
    ///
    /// It ends as well when two parties are found to hold copies of the session in which it was asked for.
    ///
    /// - Parameter device: What it is listed by, and the login that it leads to.
    /// - Returns: Whether the browser was given a token; none goes out over plain HTTP.
    /// - Throws: ``RequestRefusal`` when nobody is logged in, nobody but by such a token, or when the user's last proof (``logIn(as:level:device:keeping:)``,
    ///   ``stepUp(to:)``) is more than ten minutes ago.
    @discardableResult
    public func rememberMe(device: SessionDevice? = nil) async throws -> Bool {
        guard let user = try await self.read({ $0.user }) else { throw RequestRefusal(.notLoggedIn) }
        if user.level <= .remembered { throw RequestRefusal(.levelTooLow) }
        // What outlives a session by weeks is not to be had for a copied cookie.
        try await self.requireFreshLogin(within: Self.rememberWindow)
        return try await self.writable().remember(user, device: device ?? user.device)
    }

    /// How old a proof may be for which a browser is remembered.
    private static var rememberWindow: Duration { .seconds(600) }

    /// Logs in the user whom the browser is remembered for, if nobody is logged in here: at level ``AssuranceLevel/remembered``, which is
    /// never a fresh login.
    ///
    /// To be called where a page asks who is there. A token that was used already and is shown again later is proof that it was copied: all
    /// sessions and tokens of the user end, with an alarm (``SessionEvent/Kind/tokenReuse``).
    ///
    /// - Returns: Whether somebody was logged in by this call.
    public func logInIfRemembered() async throws -> Bool {
        guard self.transaction.presentsToken, try await self.read({ $0.user == nil }) else { return false }
        // A session that is withheld waits for a password; one that was refused is not to be replaced by what comes with its cookies.
        if try await self.read({ $0.isTransient }) { return false }
        guard let (login, handle) = try await self.writable().redeemToken() else { return false }
        do {
            try await self.logIn(as: login.user, level: .remembered, device: login.device, keeping: .all, with: handle)
        } catch let error as SessionError where error == .tooManySessions {
            // Whoever only looks at a page is not to be refused it.
            return false
        }
        return true
    }
}

/// What a login takes over of the values that the session held before it.
public enum ValueRetention: Sendable, Hashable {
    /// The login keeps all values of the session.
    case all
    /// The login keeps no value of the session.
    case none
    /// The login keeps the values of these names, each one that a ``SessionKey`` was made with.
    case only(Set<String>)

    /// The names of the values that stay; `nil`: all.
    var names: Set<[UInt8]>? {
        switch self {
        case .all: nil
        case .none: []
        case .only(let names): Set(names.map { Array($0.utf8) })
        }
    }
}

/// What a browser is told to forget of this site (Clear-Site-Data, W3C), for example when a user logs out.
public enum ClearSiteData: String, Sendable, Hashable, CaseIterable {
    /// What it has in its caches.
    case cache
    /// All cookies of the whole registrable domain, those of other applications and sub-domains included.
    case cookies
    /// Local storage, databases and service workers.
    case storage
}
