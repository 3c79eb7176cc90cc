internal import ParanoidHTTP
internal import Synchronization

// A user's other sessions.
extension SessionTransaction {
    /// - Throws: ``SessionError/tooManySessions`` when a user may not begin one more session.
    func checkAdmission(of user: String) async throws {
        let state = try await self.state()
        // One that is withheld from the request is released by the login, or stays withheld.
        let identifier = (state.session ?? state.withheld?.session)?.identifier
        let isAdmitted = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.admits(user: user, at: self.now, besides: identifier)
        }
        if !isAdmitted {
            self.tell(.limit, state, user: user)
            throw SessionError.tooManySessions
        }
    }

    func list(user: String) async throws -> [SessionListing] {
        let identifier = try await self.state().session?.identifier
        return try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.list(user: user, at: self.now, current: identifier)
        }
    }

    func revoke(_ handle: SessionHandle, of user: String) async throws -> Bool {
        let state = try await self.state()
        let hasEnded = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revoke(handle, of: user, at: self.now)
        }
        if hasEnded { self.tell(.revoked, state) }
        return hasEnded
    }

    func revokeOthers(of user: String) async throws -> Int {
        let state = try await self.state()
        let memory = self.presentedMemory
        let revoked = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revokeAll(user: user, at: self.now, except: state.session?.identifier, besides: memory)
        }
        // A login, a step-up and a token of this request come after it.
        self.raiseLoginEpoch(to: revoked.epoch)
        if state.edits.user != nil {
            try await self.edit { state in
                guard var own = state.edits.user, own.name == user else { return }
                own.epoch = max(own.epoch, revoked.epoch)
                state.edits.user = own
            }
        }
        if revoked.count > 0 { self.tell(.revoked, state, count: revoked.count) }
        return revoked.count
    }
}

// The token that a browser is remembered by.
extension SessionTransaction {
    /// Always over HTTPS, for this host and all of it: no other host can set or read a cookie with this prefix.
    private var tokenName: String { self.context.cookies.tokenName }

    /// Whether the request has a token at all, usable or not.
    var presentsToken: Bool { self.request.isSecure && self.request.cookies.contains(self.tokenName) }

    /// What the request shows, if it is one thing: the order of cookies says nothing.
    private var presentedToken: RememberToken? {
        guard self.request.isSecure else { return nil }
        let tokens = self.request.cookies.candidates(self.tokenName) { RememberToken(cookieValue: $0) }
        return tokens.count == 1 ? tokens[0] : nil
    }

    /// The name of what the request shows, for what is to spare it.
    var presentedMemory: SessionIdentifier? { self.presentedToken?.identifier }

    func remember(_ user: SessionUser, device: SessionDevice?) async throws -> Bool {
        guard self.request.isSecure else { return false }
        let epoch = try self.knownLoginEpoch()
        try await self.forgetPresented()
        // It says which session it comes from, so that there has to be one.
        if try await self.read({ $0.session?.record.origin == nil || $0.edits.user != nil }) { try await self.update { _ in } }
        guard let source = try await self.read({ $0.session?.record.origin?.handle }) else { throw SessionError.ended }
        let now = self.now
        let end = now.advanced(by: self.context.configuration.rememberAge)
        let token = try await self.storing { () throws(SessionStoreError) in
            var generator = SessionRandom(source: self.context.configuration.randomSource)
            let login = RememberedLogin(user: user.name, device: device, from: source, at: now, using: &generator)
            let identifier = try await self.context.repository.remember(
                login,
                epoch: epoch,
                expiresAt: end,
                at: now,
                using: &generator
            )
            let nonce = login.firstNonce(keys: self.context.repository.newestKeys, using: &generator)
            return RememberToken(identifier: identifier, nonce: nonce)
        }
        // A logout may have overtaken the request: nothing that outlives a session begins with one that has ended.
        do { try await self.update { _ in } } catch {
            var generator = self.random()
            try? await self.context.repository.changeRemembered(token.identifier, at: now, using: &generator) { _ in (.remove, ()) }
            throw error
        }
        self.pending.withLock { $0.token = .set(token, until: end) }
        return true
    }

    private enum Redeemed: Sendable {
        case accepted(RememberedLogin, SessionHandle, next: Nonce?, until: Timestamp)
        case stolen(from: String)
        case unknown
    }

    /// Uses the token that the request shows; the response brings the next one.
    ///
    /// - Returns: The login, and its own handle.
    func redeemToken() async throws -> (login: RememberedLogin, handle: SessionHandle)? {
        let now = self.now
        let arrival = self.arrival
        let delay = self.settings.delayBound
        var redeemed = Redeemed.unknown
        if let token = self.presentedToken, let keys = self.context.repository.keys(of: token.identifier) {
            redeemed = try await self.storing { () throws(SessionStoreError) in
                var generator = SessionRandom(source: self.context.configuration.randomSource)
                var sealing = SessionRandom(source: self.context.configuration.randomSource)
                return try await self.context.repository.changeRemembered(token.identifier, at: now, using: &sealing) { found in
                    guard let found else { return (.keep, Redeemed.unknown) }
                    var login = found.login
                    let verdict = login.show(
                        token.nonce,
                        arrivedAt: arrival.time,
                        isCut: arrival.isCut,
                        at: now,
                        delay: delay,
                        keys: keys,
                        using: &generator
                    )
                    switch verdict {
                    case .accepted(let next): return (.write(login), .accepted(login, found.handle, next: next, until: found.expiresAt))
                    case .foreign, .old: return (.keep, .unknown)
                    case .reuse: return (.remove, .stolen(from: login.user))
                    }
                }
            }
            if case .accepted(_, _, let next?, let end) = redeemed {
                let next = RememberToken(identifier: token.identifier, nonce: next)
                self.pending.withLock { $0.token = .set(next, until: end) }
            }
        }
        switch redeemed {
        case .accepted(let login, let handle, _, _): return (login, handle)
        case .stolen(let user):
            try await self.endAll(of: user)
            self.pending.withLock { $0.token = .delete }
            return nil
        // The request may be late, and its client have another one by now.
        case .unknown: return nil
        }
    }

    private func endAll(of user: String) async throws {
        self.tell(.tokenReuse, try await self.state(), user: user)
        let now = self.now
        let revoked = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revokeAll(user: user, at: now)
        }
        self.raiseLoginEpoch(to: revoked.epoch)
    }

    /// Ends what the request shows, if it was given to whoever shows it, and deletes the cookie.
    func forgetPresented() async throws {
        guard self.presentsToken else { return }
        self.pending.withLock { $0.token = .delete }
        try await self.storing { () throws(SessionStoreError) in try await self.endPresentedMemory() }
    }

    /// Ends what the request shows, if it was given to whoever shows it.
    func endPresentedMemory() async throws(SessionStoreError) {
        guard self.presentsToken, let token = self.presentedToken, let keys = self.context.repository.keys(of: token.identifier) else {
            return
        }
        var generator = SessionRandom(source: self.context.configuration.randomSource)
        try await self.context.repository.changeRemembered(token.identifier, at: self.now, using: &generator) { found in
            found?.login.hasGiven(token.nonce, keys: keys) == true ? (.remove, ()) : (.keep, ())
        }
    }

    /// Sets or deletes the cookie.
    func tell(_ token: PendingClientState.Token, in response: inout Response) throws {
        switch token {
        case .delete: response.setCookie(try SetCookie.deleting(self.tokenName))
        case .set(let token, let end):
            let age = max(.seconds(1), self.now.duration(to: end))
            response.setCookie(
                try SetCookie(name: self.tokenName, value: token.cookieValue, maxAge: min(age, SetCookie.maximumAge))
            )
        }
    }
}
