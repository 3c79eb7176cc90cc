/// What a request wants changed in its session, applied key by key to the record as it is when the request commits.
package struct SessionEdits: Sendable {
    /// What becomes of one value.
    package enum Edit: Sendable {
        /// Replace it, whatever it is by then: of two such edits the later commit wins.
        case set([UInt8])
        /// Take it away.
        case remove
        /// Compute it from what it is by then: nothing concurrent is lost. Runs under the session's lock and may run again.
        ///
        /// If it throws, nothing of the request is stored.
        case transform(@Sendable ([UInt8]?) throws -> [UInt8]?)
        /// What an update has made of nothing, for a request that has no session to keep it in: it goes into one that begins, and never over
        /// what a session holds.
        case found([UInt8]?)
    }

    /// Whether all values that were there before this request go first.
    package private(set) var clears = false
    /// The names of the values that stay of those that were there before this request; `nil`: all.
    private var kept: Set<[UInt8]>?
    /// The edits in the order they were made.
    private var edits: [(name: [UInt8], edit: Edit)] = []
    /// The session's lifetime, if the request sets it.
    package var lifetime: SessionLifetime?
    /// The logged-in user, if the request changes it.
    package var user: SessionUser?

    /// Who is logged in by the edits; `nil`: nobody.
    var login: String? {
        self.user?.name
    }

    /// Creates edits that change nothing.
    package init() {}

    /// Whether nothing is to change.
    package var isEmpty: Bool {
        !self.clears && self.kept == nil && self.edits.isEmpty && self.lifetime == nil && self.user == nil
    }

    /// Adds an edit.
    package mutating func add(_ edit: Edit, to name: [UInt8]) {
        self.edits.append((name, edit))
    }

    /// Forgets all edits and clears what is stored.
    package mutating func clear() {
        self = SessionEdits()
        self.clears = true
    }

    /// Forgets what was made of nothing, now that there is a session.
    mutating func dropFound() {
        self.edits.removeAll { if case .found = $0.edit { true } else { false } }
    }

    /// Takes away all values but those of some names, whatever is stored by then; edits made so far go with them.
    package mutating func keepOnly(_ names: Set<[UInt8]>) {
        self.edits.removeAll { !names.contains($0.name) }
        self.kept = self.kept?.intersection(names) ?? names
    }

    /// The value of a name as this request sees it: its own edits over what is stored.
    package func value(of name: [UInt8], over stored: SessionValues?) -> [UInt8]? {
        var value = self.clears || self.kept?.contains(name) == false ? nil : stored?[name]
        for (edited, edit) in self.edits where edited == name {
            try? Self.apply(edit, to: &value)
        }
        return value
    }

    /// How many values this request replaces as a whole although another one has changed them since it read them: that change is lost.
    package func conflicts(seen: SessionValues?, current: SessionValues) -> Int {
        guard let seen, seen != current else { return 0 }
        var last: [[UInt8]: [UInt8]] = [:]
        for (name, edit) in self.edits {
            if case .set(let bytes) = edit { last[name] = bytes } else { last[name] = nil }
        }
        return last.count { name, bytes in
            let stored = current[name]
            return stored != seen[name] && stored != bytes
        }
    }

    /// All values as this request sees them.
    package func values(over stored: SessionValues?) -> SessionValues {
        var values = self.clears ? SessionValues() : stored ?? SessionValues()
        self.apply(to: &values)
        return values
    }

    /// Applies the edits to a record.
    ///
    /// - Returns: What the first edit that could not be applied has thrown.
    @discardableResult
    package func apply(to record: inout SessionRecord) -> (any Error)? {
        if self.isEmpty { return nil }
        if self.clears {
            record.values = SessionValues()
            record.lifetime = .standard
            record.user = nil
        }
        let failure = self.kept == nil && self.edits.isEmpty ? nil : self.apply(to: &record.values)
        if let lifetime = self.lifetime { record.lifetime = lifetime }
        if let user = self.user {
            let current = record.user
            record.user = user
            // Another request of this session may have ended all others of the user meanwhile, and kept this one.
            if let current, current.name == user.name { record.user?.epoch = max(user.epoch, current.epoch) }
        }
        return failure
    }

    @discardableResult
    private func apply(to values: inout SessionValues) -> (any Error)? {
        var failure: (any Error)?
        if let kept { values = SessionValues(values.entries.filter { kept.contains($0.name) }) }
        for (name, edit) in self.edits {
            do { try Self.apply(edit, to: &values[name]) } catch { failure = failure ?? error }
        }
        return failure
    }

    private static func apply(_ edit: Edit, to value: inout [UInt8]?) throws {
        switch edit {
        case .set(let bytes): value = bytes
        case .remove: value = nil
        case .transform(let body): value = try body(value)
        case .found(let bytes): value = bytes
        }
    }
}
