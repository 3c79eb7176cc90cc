extension Session {
    /// How long the session goes on; `nil` when there is none.
    ///
    /// For a warning before the end. Asking is a use of the session: a page that asks by itself keeps the session from timing out.
    public var timeLeft: SessionTimeLeft? {
        get async throws {
            let visit = try await self.exchange.visit()
            guard var record = visit.record else { return nil }
            visit.edits.apply(to: &record)
            let settings = self.exchange.settings
            let now = self.exchange.now
            // As it is stored, which is no more than a tenth less than what this request would be granted if it were to write.
            let idleEnd =
                visit.edits.isEmpty ? visit.expiresAt ?? settings.expiry(of: record, at: now) : settings.expiry(of: record, at: now)
            return SessionTimeLeft(
                idle: max(.zero, now.duration(to: idleEnd)),
                absolute: settings.absoluteEnd(of: record, at: now).map { max(.zero, now.duration(to: $0)) }
            )
        }
    }
}
