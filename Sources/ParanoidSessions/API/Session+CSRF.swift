extension Session {
    /// A token that proves, when it comes back, that the request comes from a page of ours; see ``CSRFProtection``.
    ///
    /// Put it into a hidden field `csrf_token` of each form, or into the header field `X-CSRF-Token` of what scripts send. It is another text
    /// each time and good as long as the session's login lasts, in any number of tabs. A client without session gets a cookie instead of a
    /// session. After a login in the same request, asking commits that at once.
    public var csrfToken: String {
        get async throws { try await self.exchange.csrfToken() }
    }
}
