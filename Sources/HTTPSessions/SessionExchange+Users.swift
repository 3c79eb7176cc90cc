internal import SessionSecurity
internal import SessionStorage

// A user's other sessions.
extension SessionExchange {
    /// - Throws: ``SessionError/tooManySessions`` when a user may not begin one more session.
    func checkAdmission(of user: String) async throws {
        let identifier = try await self.visit().identifier
        let isAdmitted = try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.admits(user: user, at: self.now, besides: identifier)
        }
        if !isAdmitted { throw SessionError.tooManySessions }
    }

    func list(user: String) async throws -> [SessionListing] {
        let identifier = try await self.visit().identifier
        return try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.list(user: user, at: self.now, current: identifier)
        }
    }

    func revoke(_ handle: SessionHandle, of user: String) async throws -> Bool {
        try await self.storing { () throws(SessionStoreError) in try await self.context.repository.revoke(handle, of: user) }
    }

    func revokeOthers(of user: String) async throws -> Int {
        let identifier = try await self.visit().identifier
        let memory = self.presentedMemory
        return try await self.storing { () throws(SessionStoreError) in
            try await self.context.repository.revokeAll(user: user, at: self.now, except: identifier, besides: memory)
        }
    }

    /// Runs something on the store; what fails there is told to the client as "come back later".
    func storing<Value>(_ body: () async throws(SessionStoreError) -> Value) async throws -> Value {
        do { return try await body() } catch { throw self.unavailable(error) }
    }
}
