// A user's other sessions.
extension SessionExchange {
    /// - Throws: ``SessionError/tooManySessions`` when a user may not begin one more session.
    func checkAdmission(of user: String) async throws {
        let visit = try await self.visit()
        let identifier = visit.identifier
        let isAdmitted = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.admits(user: user, at: self.now, besides: identifier)
        }
        if !isAdmitted {
            self.tell(.limit, visit, user: user)
            throw SessionError.tooManySessions
        }
    }

    func list(user: String) async throws -> [SessionListing] {
        let identifier = try await self.visit().identifier
        return try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.list(user: user, at: self.now, current: identifier)
        }
    }

    func revoke(_ handle: SessionHandle, of user: String) async throws -> Bool {
        let visit = try await self.visit()
        let hasEnded = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revoke(handle, of: user)
        }
        if hasEnded { self.tell(.revoked, visit) }
        return hasEnded
    }

    func revokeOthers(of user: String) async throws -> Int {
        let visit = try await self.visit()
        let memory = self.presentedMemory
        let count = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revokeAll(user: user, at: self.now, except: visit.identifier, besides: memory)
        }
        if count > 0 { self.tell(.revoked, visit, count: count) }
        return count
    }

    /// Runs something on the store; what fails there is told to the client as "come back later".
    func storing<Value>(_ body: () async throws(SessionStoreError) -> Value) async throws -> Value {
        do { return try await body() } catch { throw self.unavailable(error) }
    }
}
