public import ParanoidHTTP

extension Request {
    /// The session of this request.
    ///
    /// Asking costs nothing; the session is read when something of it is asked for. A request that no ``SessionMiddleware`` has seen has
    /// none, which is a programming error.
    public var session: Session {
        guard let exchange = self[SessionSlot.self] else {
            preconditionFailure("request.session needs the session middleware around the handler")
        }
        return Session(exchange: exchange)
    }
}
