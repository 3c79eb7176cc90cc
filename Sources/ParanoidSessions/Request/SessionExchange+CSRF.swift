internal import ParanoidHTTP
internal import Synchronization

// CSRF tokens: of the session, or of a client that has none yet.
extension SessionExchange {
    /// A token for the page that is being made.
    func csrfToken() async throws -> String {
        var visit = try await self.visit()
        // The token has to be one of the session that the client has when it comes back.
        if visit.renewsSecureKey || (visit.record?.tracking == nil && !visit.edits.isEmpty) {
            try await self.update { _ in }
            visit = try await self.visit()
        }
        var generator = SessionRandom(source: self.context.configuration.randomSource)
        if let secret = self.secret(of: visit) { return secret.token(using: &generator) }
        if let key = self.extras.withLock({ $0.clientKey }) ?? self.presentedKey, let keys = self.keys(of: key) {
            return CSRFSecret(of: key, keys: keys).token(using: &generator)
        }
        let keys = self.context.repository.newestKeys
        let key = AnonymousClientKey(keys: keys, using: &generator)
        self.extras.withLock { $0.clientKey = key }
        return CSRFSecret(of: key, keys: keys).token(using: &generator)
    }

    /// Whether a token is one of this client's.
    ///
    /// While nobody is logged in, one from before the session counts as well: the session may have begun while the form was open.
    func verifies(csrfToken token: [UInt8]) async throws -> Bool {
        let visit = try await self.visit()
        if let secret = self.secret(of: visit), secret.verifies(token) { return true }
        guard visit.record?.user == nil, let key = self.presentedKey, let keys = self.keys(of: key) else { return false }
        return CSRFSecret(of: key, keys: keys).verifies(token)
    }

    /// The cookie that a client without session is recognised by.
    func clientCookie(_ key: AnonymousClientKey) throws -> SetCookie {
        try SetCookie(name: self.clientCookieName, value: key.cookieValue, secure: self.request.isSecure, sameSite: .lax)
    }

    private func secret(of visit: SessionVisit) -> CSRFSecret? {
        guard let identifier = visit.identifier, let tracking = visit.record?.tracking,
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
    private var clientCookieName: String { self.request.isSecure ? "__Host-csrf" : "csrf" }
}
