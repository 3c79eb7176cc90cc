/// A request's session as its handler sees it.
///
/// Everything is asynchronous, as the first question reads the session; nothing waits for other requests but the moment of a commit.
/// ``set(_:to:)``, ``remove(_:)`` and the like are committed once, before the first byte of the response leaves; ``update(_:default:_:)``
/// commits at once. When the store fails they throw, and the client gets 503 unless the handler knows better.
public struct Session: Sendable {
    /// Where a session is asked for.
    enum View: Sendable {
        /// In a handler, or in middleware within the session's.
        case handler
        /// In a hook: while the session is read, or in the middle of a change.
        case hook
    }

    let transaction: SessionTransaction
    let view: View

    /// What the request knows of its session; in a hook, as far as it is known by then.
    func state() async throws -> TransactionState { try await self.read { $0 } }

    /// Answers a question about it.
    func read<Answer: Sendable>(_ question: (TransactionState) -> Answer) async throws -> Answer {
        switch self.view {
        case .handler: try await self.transaction.read(question)
        case .hook: self.transaction.ask(question)
        }
    }

    /// - Throws: ``SessionError/insideHook`` in a hook, which would wait for itself.
    func writable() throws -> SessionTransaction {
        if self.view == .hook { throw SessionError.insideHook }
        return self.transaction
    }

    // MARK: What the guard says

    /// What the guard made of this request.
    public var guardVerdict: GuardVerdict {
        get async throws { try await self.read { $0.verdict } }
    }

    /// Why; `nil` when there is nothing to say.
    public var guardReason: GuardReason? {
        get async throws { try await self.read { $0.reason } }
    }

    /// Why the session is withheld, if it is; see ``completeChallenge()``.
    public var challenge: SessionChallenge? {
        get async throws { try await self.read { $0.withheld?.challenge } }
    }

    /// Releases a withheld session to this request, under new secrets: whoever else holds the old ones is out.
    ///
    /// To be called when whoever asks has proven to be the ``SessionChallenge/user``, by a password or better. Does nothing when no session
    /// is withheld. Logging the same user in does the same.
    public func completeChallenge() async throws {
        try await self.writable().release(if: { _ in true })
    }

    /// Whether the session begins with this request.
    public var isNew: Bool {
        get async throws { try await self.read { $0.verdict == .new } }
    }

    /// Who is logged in; `nil` when nobody is.
    public var user: String? {
        get async throws { try await self.read { $0.user?.name } }
    }

    /// When the session counts as absent if it is written now and never again; `nil` when there is none.
    package var expiry: Timestamp? {
        get async throws {
            let state = try await self.state()
            guard var record = state.session?.record else { return nil }
            state.edits.apply(to: &record)
            return self.transaction.settings.expiry(of: record, at: self.transaction.now)
        }
    }

    /// How long ago the current nonce was issued; `nil` when none was.
    package var nonceAge: Duration? {
        get async throws {
            let tracking = try await self.state().session?.record.tracking
            let issuedAt = tracking?.chain?.beganAt ?? tracking?.nonceIssuedAt
            return issuedAt.map { $0.duration(to: self.transaction.now) }
        }
    }

    // MARK: Values

    /// The value stored under a key as this request sees it; `nil` when there is none, or when it is of another type.
    public func value<Value>(_ key: SessionKey<Value>) async throws -> Value? {
        try self.check(key)
        let bytes = try await self.read { $0.value(of: key.name) }
        return bytes.flatMap { try? SessionValueCoding.decode(Value.self, from: $0) }
    }

    /// The names of all values.
    package var names: [String] {
        get async throws {
            let state = try await self.state()
            return state.edits.values(over: state.session?.record.values).entries.filter { !ReservedKeys.contain($0.name) }
                .map { String(decoding: $0.name, as: UTF8.self) }
        }
    }

    /// Stores a value.
    ///
    /// Throws ``SessionError`` when it is larger or more deeply nested than `PARANOID_SESSION_VALUE_LIMIT` and the limit of levels allow.
    /// Of two requests that set one key the one that commits later wins.
    public func set<Value>(_ key: SessionKey<Value>, to value: Value) async throws {
        let name = try self.name(of: key)
        let bytes = try SessionValueCoding.encode(value)
        try self.transaction.limits.check(bytes)
        try await self.writable().edit { state in
            var edits = state.edits
            edits.add(.set(bytes), to: name)
            try self.transaction.limits.check(total: edits.values(over: state.session?.record.values).byteCount)
            state.edits = edits
        }
    }

    /// Takes a value away.
    public func remove<Value>(_ key: SessionKey<Value>) async throws {
        let name = try self.name(of: key)
        try await self.writable().edit { $0.edits.add(.remove, to: name) }
    }

    /// Changes a value when the request commits, on what it is by then: nothing concurrent is lost, and no lock is taken twice.
    ///
    /// - Parameters:
    ///   - key: The value.
    ///   - fallback: What it counts as where there is none.
    ///   - body: The change; it runs under the session's lock, must be quick, and may run again. If what it makes is too large, the request
    ///     fails and stores nothing.
    public func merge<Value>(
        _ key: SessionKey<Value>,
        default fallback: Value,
        _ body: @escaping @Sendable (inout Value) -> Void
    ) async throws {
        let name = try self.name(of: key)
        let limits = self.transaction.limits
        try await self.writable().edit { state in
            state.edits.add(
                .transform { bytes in
                    var value = bytes.flatMap { try? SessionValueCoding.decode(Value.self, from: $0) } ?? fallback
                    body(&value)
                    let changed = try SessionValueCoding.encode(value)
                    try limits.check(changed)
                    return changed
                },
                to: name
            )
        }
    }

    /// Changes a value and commits at once, atomically across all threads and worker processes.
    ///
    /// Begins a session if there is none. The change stays even if the handler fails later.
    ///
    /// - Parameters:
    ///   - key: The value.
    ///   - fallback: What it counts as where there is none.
    ///   - body: The change; it runs under the session's lock, must be quick, and may run again. What it throws is thrown on, and nothing
    ///     is stored.
    /// - Returns: What `body` returns.
    public func update<Value, Outcome: Sendable>(
        _ key: SessionKey<Value>,
        default fallback: Value,
        _ body: @escaping (inout Value) throws -> Outcome
    ) async throws -> Outcome {
        let name = try self.name(of: key)
        let limits = self.transaction.limits
        var outcome: Outcome?
        try await self.writable().update { values in
            var value = fallback
            if let bytes = values[name], let stored = try? SessionValueCoding.decode(Value.self, from: bytes) { value = stored }
            let made = try body(&value)
            let changed = try SessionValueCoding.encode(value)
            try limits.check(changed)
            values[name] = changed
            try limits.check(total: values.byteCount)
            outcome = made
        }
        guard let outcome else { preconditionFailure("a change that is committed was run") }
        return outcome
    }

    // MARK: Life

    /// Gives the session a new identifier; everything else stays.
    public func rotate() async throws {
        try await self.writable().edit { if $0.renewal == .keep { $0.renewal = .identifier } }
    }

    /// Gives the session a lifetime of its own.
    ///
    /// - Throws: `SessionError.invalidLifetime` for a time shorter than a second or longer than 2^31 - 1 seconds.
    public func setLifetime(_ lifetime: SessionLifetime) async throws {
        if case .idle(let time) = lifetime, !(1...Int64(Int32.max) ~= time.components.seconds) { throw SessionError.invalidLifetime }
        try await self.writable().edit { $0.edits.lifetime = lifetime }
    }

    private func name<Value>(of key: SessionKey<Value>) throws -> [UInt8] {
        try self.check(key)
        return Array(key.name.utf8)
    }

    private func check<Value>(_ key: SessionKey<Value>) throws {
        let name = key.name.utf8
        if name.elementsEqual(self.transaction.reservedKey.utf8) || name.first == 0 { throw SessionError.reservedKey }
    }
}

extension Session {
    /// How long the session goes on; `nil` when there is none.
    ///
    /// For a warning before the end. Asking is a use of the session: a page that asks by itself keeps the session from timing out.
    public var timeLeft: SessionTimeLeft? {
        get async throws {
            let state = try await self.state()
            guard var record = state.session?.record else { return nil }
            state.edits.apply(to: &record)
            let settings = self.transaction.settings
            let now = self.transaction.now
            // As it is stored, which is no more than a tenth less than what this request would be granted if it were to write.
            let idleEnd =
                state.edits.isEmpty
                ? state.session?.expiresAt ?? settings.expiry(of: record, at: now) : settings.expiry(of: record, at: now)
            return SessionTimeLeft(
                idle: max(.zero, now.duration(to: idleEnd)),
                absolute: settings.absoluteEnd(of: record, at: now).map { max(.zero, now.duration(to: $0)) }
            )
        }
    }
}

extension Session {
    /// A token that proves, when it comes back, that the request comes from a page of ours; see ``CSRFProtection``.
    ///
    /// Put it into a hidden field `csrf_token` of each form, or into the header field `X-CSRF-Token` of what scripts send. It is another text
    /// each time and good as long as the session's login lasts, in any number of tabs. A client without session gets a cookie instead of a
    /// session. After a login in the same request, asking commits that at once.
    public var csrfToken: String {
        get async throws { try await self.writable().csrfToken() }
    }
}
