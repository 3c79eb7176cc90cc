internal import ParanoidHTTP
internal import HTTPTypes
internal import Synchronization

/// What a request has to tell the client beside its session's cookies.
struct PendingClientState: Sendable {
    /// What the browser is told to forget.
    var clearSiteData: Set<ClearSiteData> = []
    /// What a client without session is to be recognised by; `nil`: nothing new.
    var clientKey: AnonymousClientKey?
    /// What becomes of the token that the browser is remembered by; `nil`: nothing.
    var token: Token?

    /// What becomes of the token that the browser is remembered by.
    enum Token: Sendable {
        case set(RememberToken, until: Timestamp)
        case delete
    }
}

// What a response tells the client.
extension SessionTransaction {
    /// Puts into a response what the client has to know; called for requests that have touched their session.
    @inline(never)
    func complete(_ response: inout Response) throws {
        let state = self.knownState
        let setsSession: Bool
        switch state.standing {
        case .ended, .barred: setsSession = false
        case .none, .withheld, .open:
            setsSession = !state.changes.isEmpty
            try self.context.cookies.set(state.changes, identifier: state.session?.identifier, in: &response)
        }
        let pending = self.pending.withLock { $0 }
        if !pending.clearSiteData.isEmpty && self.request.isSecure {
            let values = pending.clearSiteData.map { "\"\($0.rawValue)\"" }.sorted()
            if let name = HTTPField.Name("Clear-Site-Data") { try response.setHeader(values.joined(separator: ", "), for: name) }
        }
        if let key = pending.clientKey { response.setCookie(try self.clientCookie(key)) }
        if let token = pending.token { try self.tell(token, in: &response) }
        guard self.settings.behaviour.guardsCaches else { return }
        response.keepFromCaches(setsCookie: setsSession || pending.clientKey != nil || pending.token != nil)
    }
}

// CSRF tokens: of the session, or of a client that has none yet.
extension SessionTransaction {
    /// A token for the page that is being made.
    func csrfToken() async throws -> String {
        var state = try await self.state()
        // The token has to be one of the session that the client has when it comes back.
        if state.renewal == .all || (state.session?.record.tracking == nil && !state.edits.isEmpty) {
            try await self.update { _ in }
            state = try await self.state()
        }
        var generator = SessionRandom(source: self.context.configuration.randomSource)
        if let secret = self.secret(of: state) { return secret.token(using: &generator) }
        if let key = self.pending.withLock({ $0.clientKey }) ?? self.presentedKey, let keys = self.keys(of: key) {
            return CSRFSecret(of: key, keys: keys).token(using: &generator)
        }
        let keys = self.context.repository.newestKeys
        let key = AnonymousClientKey(keys: keys, using: &generator)
        self.pending.withLock { $0.clientKey = key }
        return CSRFSecret(of: key, keys: keys).token(using: &generator)
    }

    /// Whether a token is one of this client's.
    ///
    /// While nobody is logged in, one from before the session counts as well: the session may have begun while the form was open.
    func verifies(csrfToken token: [UInt8]) async throws -> Bool {
        let state = try await self.state()
        if let secret = self.secret(of: state), secret.verifies(token) { return true }
        guard state.session?.record.user == nil, let key = self.presentedKey, let keys = self.keys(of: key) else { return false }
        return CSRFSecret(of: key, keys: keys).verifies(token)
    }

    /// The cookie that a client without session is recognised by.
    func clientCookie(_ key: AnonymousClientKey) throws -> SetCookie {
        try SetCookie(name: self.clientCookieName, value: key.cookieValue, secure: self.request.isSecure, sameSite: .lax)
    }

    private func secret(of state: TransactionState) -> CSRFSecret? {
        guard let identifier = state.session?.identifier, let tracking = state.session?.record.tracking,
            let keys = self.context.repository.keys(of: identifier)
        else { return nil }
        return CSRFSecret(of: tracking, keys: keys)
    }

    /// What the client presents, if it is one thing and we have signed it: the order of cookies says nothing.
    private var presentedKey: AnonymousClientKey? {
        let keys = self.request.cookies.candidates(self.clientCookieName) { AnonymousClientKey(cookieValue: $0) }
            .filter { self.keys(of: $0) != nil }
        return keys.count == 1 ? keys[0] : nil
    }

    private func keys(of key: AnonymousClientKey) -> ServerKeys? {
        self.context.repository.keys(number: key.secretNumber).flatMap { key.isSigned(by: $0) ? $0 : nil }
    }

    /// Over HTTPS, no other host and no plain connection can set a cookie with this prefix (RFC 6265bis, section 4.1.3.2).
    private var clientCookieName: String { self.context.cookies.clientName(isSecure: self.request.isSecure) }
}
