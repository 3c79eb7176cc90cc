// Being remembered beyond the session.
extension Session {
    /// Lets the browser log the user in later without being asked, by a token of its own that is replaced with each use.
    ///
    /// For a box "stay logged in" at the login, over HTTPS. The token lives for ``HTTPSessionsConfiguration/rememberAge``, counted from here,
    /// and ends with ``logOut(clearing:)`` in this browser, with ``revokeOthers()`` in others, and with all sessions of the user.
    ///
    /// - Parameter device: What the login that it leads to is listed by.
    /// - Returns: Whether the browser was given a token; none goes out over plain HTTP.
    /// - Throws: ``RequestRefusal`` when nobody is logged in, or nobody but by such a token.
    @discardableResult
    public func rememberMe(device: SessionDevice? = nil) async throws -> Bool {
        guard let user = try await self.exchange.visit().currentUser else { throw RequestRefusal(.notLoggedIn) }
        if user.level <= .remembered { throw RequestRefusal(.levelTooLow) }
        return try await self.exchange.remember(user, device: device ?? user.device)
    }

    /// Logs in the user whom the browser is remembered for, if nobody is logged in here: at level ``AssuranceLevel/remembered``, which is
    /// never a fresh login.
    ///
    /// To be called where a page asks who is there. A token that was used already and is shown again later is proof that it was copied: all
    /// sessions and tokens of the user end, with an alarm (``SessionEvent/Kind/tokenReuse``).
    ///
    /// - Returns: Whether somebody was logged in by this call.
    public func logInIfRemembered() async throws -> Bool {
        guard self.exchange.presentsToken, try await self.exchange.visit().currentUser == nil else { return false }
        guard let login = try await self.exchange.redeemToken() else { return false }
        do {
            try await self.logIn(as: login.user, level: .remembered, device: login.device)
        } catch let error as SessionError where error == .tooManySessions {
            // Whoever only looks at a page is not to be refused it.
            return false
        }
        return true
    }
}
