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
