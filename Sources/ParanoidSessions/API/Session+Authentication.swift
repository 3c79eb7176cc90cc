// How surely a user is who it says, and when that was proved.
extension Session {
    /// How surely the user has proved to be it; `nil` when nobody is logged in.
    public var level: AssuranceLevel? {
        get async throws { try await self.exchange.visit().currentUser?.level }
    }

    /// When the user last proved to be it, at the login or a step-up; `nil` when nobody is logged in.
    public var lastAuthentication: Timestamp? {
        get async throws { try await self.exchange.visit().currentUser?.authenticatedAt }
    }

    /// Records that the user has just proved more, or the same once more: under a new identifier, and over HTTPS with a new second key.
    ///
    /// The level rises here and in ``logIn(as:level:device:keeping:)`` only. A proof of a lower level than the session's counts as recent
    /// and leaves the level.
    ///
    /// - Throws: ``RequestRefusal`` when nobody is logged in.
    public func stepUp(to level: AssuranceLevel) async throws {
        let now = self.exchange.now
        try await self.exchange.edit { visit in
            guard var user = visit.currentUser else { throw RequestRefusal(.notLoggedIn) }
            user.level = max(user.level, level)
            user.authenticatedAt = now
            visit.edits.user = .some(user)
            visit.renewSecrets()
        }
    }

    /// Lowers the level, for example when the user leaves a protected area; a level that is not lower changes nothing.
    public func stepDown(to level: AssuranceLevel) async throws {
        try await self.exchange.edit { visit in
            guard var user = visit.currentUser, level < user.level else { return }
            user.level = level
            visit.edits.user = .some(user)
        }
    }

    /// Goes on only if the user has proved enough.
    ///
    /// - Throws: ``RequestRefusal``, which is answered with 401 or 403.
    public func require(_ level: AssuranceLevel) async throws {
        guard let user = try await self.exchange.visit().currentUser else { throw RequestRefusal(.notLoggedIn) }
        if user.level < level { throw RequestRefusal(.levelTooLow) }
    }

    /// Goes on only if the user has proved to be it a short while ago.
    ///
    /// Being remembered by a browser is no proof, and neither is one that seems to lie in the future because a clock was set back.
    ///
    /// - Throws: ``RequestRefusal``, which is answered with 401 or 403.
    public func requireFreshLogin(within age: Duration) async throws {
        guard let user = try await self.exchange.visit().currentUser else { throw RequestRefusal(.notLoggedIn) }
        let passed = user.authenticatedAt.duration(to: self.exchange.now)
        guard user.level > .remembered, passed <= age, passed >= Self.clockTolerance else { throw RequestRefusal(.notRecent) }
    }

    /// How far the clocks of two workers may differ.
    private static var clockTolerance: Duration { .seconds(-5) }
}

extension SessionVisit {
    /// Who is logged in as this request sees it.
    var currentUser: SessionUser? {
        if let edited = self.edits.user { return edited }
        return self.edits.clears ? nil : self.record?.user
    }
}
