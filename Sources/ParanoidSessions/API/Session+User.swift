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
    /// - Throws: ``SessionError/tooManySessions`` when the user has as many sessions as the limit allows and the policy is to refuse.
    public func logIn(
        as user: String,
        level: AssuranceLevel = .password,
        device: SessionDevice? = nil,
        keeping kept: ValueRetention = .all
    ) async throws {
        try await self.exchange.checkAdmission(of: user)
        // Who was asked to prove it has done so.
        try await self.exchange.release(if: { $0.user == user })
        let login = SessionUser(name: user, loggedInAt: self.exchange.now, level: level, device: device)
        try await self.exchange.edit { visit in
            let previous = visit.currentUser
            if let names = kept.names {
                visit.edits.keepOnly(names)
            } else if let previous, previous.name != user {
                visit.edits.keepOnly([])
            }
            visit.edits.user = .some(login)
            visit.renewSecrets()
        }
    }

    /// Ends the session on the server at once; the client's cookies go with the response, and the token it may be remembered by.
    ///
    /// - Parameter clearing: What the browser is told to forget of this site beside them; over HTTPS only, where browsers obey.
    public func logOut(clearing: Set<ClearSiteData> = []) async throws {
        try await self.exchange.end()
        try await self.exchange.forgetPresented()
        self.exchange.extras.withLock { $0.clearSiteData.formUnion(clearing) }
    }

    /// All live sessions of the user who is logged in here, the oldest login first; none when nobody is.
    ///
    /// A login that is not committed yet is not among them.
    public func list() async throws -> [SessionListing] {
        guard let user = try await self.user else { return [] }
        return try await self.exchange.list(user: user)
    }

    /// Ends one of the sessions that ``list()`` gives; for this one it is ``logOut(clearing:)``.
    ///
    /// - Returns: Whether it was one of this user's, and lived until now.
    public func revoke(_ handle: SessionHandle) async throws -> Bool {
        guard let user = try await self.user else { return false }
        if try await self.exchange.list(user: user).contains(where: { $0.isCurrent && $0.handle == handle }) {
            try await self.logOut()
            return true
        }
        return try await self.exchange.revoke(handle, of: user)
    }

    /// Ends all sessions of this user but this one, and what other browsers are remembered by; for a change of the password, say.
    ///
    /// - Returns: How many have ended.
    public func revokeOthers() async throws -> Int {
        guard let user = try await self.user else { return 0 }
        return try await self.exchange.revokeOthers(of: user)
    }
}
