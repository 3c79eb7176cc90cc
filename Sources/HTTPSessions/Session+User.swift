public import SessionSecurity
public import SessionStorage

// Logins, and a user's other sessions.
extension Session {
    /// Records that the client is this user: under a new identifier, and over HTTPS with a new second key.
    ///
    /// - Parameters:
    ///   - user: The application's name for the user.
    ///   - device: What the user is to see of this login among all sessions; nothing is kept unless it is given.
    /// - Throws: ``SessionError/tooManySessions`` when the user has as many sessions as the limit allows and the policy is to refuse.
    public func logIn(as user: String, device: SessionDevice? = nil) async throws {
        try await self.exchange.checkAdmission(of: user)
        // Who was asked to prove it has done so.
        try await self.exchange.release(if: { $0.user == user })
        let login = SessionUser(name: user, loggedInAt: self.exchange.now, device: device)
        try await self.exchange.edit { visit in
            visit.edits.user = .some(login)
            visit.rotates = true
            visit.renewsSecondKey = true
        }
    }

    /// Ends the session on the server at once; the client's cookies go with the response.
    public func logOut() async throws {
        try await self.exchange.end()
    }

    /// All live sessions of the user who is logged in here, the oldest login first; none when nobody is.
    ///
    /// A login that is not committed yet is not among them.
    public func list() async throws -> [SessionListing] {
        guard let user = try await self.user else { return [] }
        return try await self.exchange.list(user: user)
    }

    /// Ends one of the sessions that ``list()`` gives; for this one it is ``logOut()``.
    ///
    /// - Returns: Whether it was one of this user's, and lived until now.
    public func revoke(_ handle: SessionHandle) async throws -> Bool {
        guard let user = try await self.user else { return false }
        if try await self.exchange.list(user: user).contains(where: { $0.isCurrent && $0.handle == handle }) {
            try await self.exchange.end()
            return true
        }
        return try await self.exchange.revoke(handle, of: user)
    }

    /// Ends all sessions of this user but this one.
    ///
    /// - Returns: How many have ended.
    public func revokeOthers() async throws -> Int {
        guard let user = try await self.user else { return 0 }
        return try await self.exchange.revokeOthers(of: user)
    }
}
