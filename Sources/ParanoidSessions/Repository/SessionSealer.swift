/// What is known of the session whose record is at hand.
struct SessionLocation: Sendable {
    var identifier: SessionIdentifier
    var name: SessionName
    var keys: ServerKeys
}

/// Turns records into what stores keep and back: seals, labels, and knows what was opened already.
struct SessionSealer: Sendable {
    let protection: StoredSession.Protection
    let cache: OpenedSessionCache

    /// The place of a session whose server secret is at hand.
    func place(of identifier: SessionIdentifier, keys: ServerKeys) -> SessionLocation {
        guard let name = SessionName(bytes: keys.storageName(of: identifier)) else { preconditionFailure("a name has 32 bytes") }
        return SessionLocation(identifier: identifier, name: name, keys: keys)
    }

    private func key(of place: SessionLocation) -> SealKey {
        self.cache.sealKey(of: place.name) ?? place.keys.sealKey(of: place.identifier)
    }

    // MARK: Records

    /// A record as it is stored.
    func seal(
        _ record: SessionRecord,
        generation: UInt64,
        expiresAt: Timestamp,
        at now: Timestamp,
        in place: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        var stored = StoredSession(
            protection: self.protection,
            secretNumber: place.keys.number,
            generation: generation,
            createdAt: record.createdAt,
            writtenAt: now,
            expiresAt: expiresAt,
            userTag: record.user.map { place.keys.userTag(of: $0.name) } ?? [],
            payload: record.encoded()
        )
        guard stored.protection == .sealed else { return stored }
        var label: [UInt8] = []
        if let user = record.user {
            stored.protection = .labelled
            label = SessionLabel(loggedInAt: user.loggedInAt, device: user.device).encoded()
        }
        self.protect(&stored, label: label, in: place, using: &generator)
        return stored
    }

    /// The record that stored bytes hold; `nil` when they do not open here.
    func open(_ stored: StoredSession, in place: SessionLocation) -> SessionRecord? {
        if let record = self.cache.record(of: place.name, storedAs: stored) { return record }
        let bytes: [UInt8]?
        switch (stored.protection, self.protection) {
        case (.none, .none): bytes = stored.payload
        case (.none, _): bytes = nil  // where records are sealed, an open one is forged
        case (.remembered, _): bytes = nil  // no session
        case (.sealed, _), (.labelled, _): bytes = self.opened(stored, in: place)
        }
        guard let bytes, let record = SessionRecord(decoding: bytes) else { return nil }
        self.remember(record, storedAs: stored, in: place)
        return record
    }

    /// Keeps a record that is known to be what is stored.
    func remember(_ record: SessionRecord, storedAs stored: StoredSession, in place: SessionLocation) {
        self.cache.remember(place.name, record: record, storedAs: stored, sealKey: self.key(of: place))
    }

    // MARK: Tombstones

    /// What is left of a session whose identifier was replaced: whoever still shows the old one finds the new one, sealed, until then.
    func tombstone(
        of successor: SessionIdentifier,
        generation: UInt64,
        record: SessionRecord,
        until end: Timestamp,
        at now: Timestamp,
        in place: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        var stored = StoredSession(
            state: .ended,
            protection: self.protection,
            secretNumber: place.keys.number,
            generation: generation,
            createdAt: record.createdAt,
            writtenAt: now,
            expiresAt: end,
            payload: successor.sealableBytes
        )
        // A successor is a secret: without sealing there is no way to leave it behind.
        guard stored.protection == .sealed else {
            stored.payload = []
            return stored
        }
        self.protect(&stored, label: [], in: place, using: &generator)
        return stored
    }

    /// The identifier that took the place of a session's; `nil` when there is none, or the overlap has passed.
    func successor(in stored: StoredSession, at now: Timestamp, in place: SessionLocation) -> SessionIdentifier? {
        guard stored.state == .ended, stored.protection == .sealed, now < stored.expiresAt else { return nil }
        return self.opened(stored, in: place).flatMap { SessionIdentifier(sealedBytes: $0) }
    }

    // MARK: Labels

    /// What can be said of a stored session without its identifier; `nil` when it has no label or the label does not open.
    static func label(of stored: StoredSession, named name: SessionName, keys: ServerKeys) -> SessionLabel? {
        switch stored.protection {
        case .none:
            return SessionRecord(decoding: stored.payload)?.user.map { SessionLabel(loggedInAt: $0.loggedInAt, device: $0.device) }
        case .sealed, .remembered: return nil
        case .labelled:
            guard let (label, _) = self.split(stored.payload) else { return nil }
            let context = self.context(of: stored, named: name)
            return SessionSeal.open(label, with: keys.labelKey(ofName: name.bytes), context: context)
                .flatMap { SessionLabel(decoding: $0) }
        }
    }

    // MARK: Parts

    private static let lengthByteCount = 2

    /// Seals the payload, with the sealed label before it where there is one: its length in two bytes, itself, the record.
    private func protect(
        _ stored: inout StoredSession,
        label: [UInt8],
        in place: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) {
        let isLabelled = stored.protection == .labelled
        let labelByteCount = isLabelled ? Self.lengthByteCount + label.count + SessionSeal.overhead : 0
        let total = labelByteCount + stored.payload.count + SessionSeal.overhead
        let context = stored.sealContext(named: place.name, payloadByteCount: total)
        let record = SessionSeal.seal(stored.payload, with: self.key(of: place), context: context, using: &generator)
        guard isLabelled else {
            stored.payload = record
            return
        }
        let labelKey = place.keys.labelKey(ofName: place.name.bytes)
        let sealedLabel = SessionSeal.seal(label, with: labelKey, context: context, using: &generator)
        var payload: [UInt8] = []
        payload.reserveCapacity(total)
        payload.append(UInt8(truncatingIfNeeded: sealedLabel.count >> 8))
        payload.append(UInt8(truncatingIfNeeded: sealedLabel.count))
        payload += sealedLabel
        payload += record
        stored.payload = payload
    }

    private func opened(_ stored: StoredSession, in place: SessionLocation) -> [UInt8]? {
        let context = Self.context(of: stored, named: place.name)
        switch stored.protection {
        case .none, .remembered: return nil
        case .sealed: return SessionSeal.open(stored.payload, with: self.key(of: place), context: context)
        case .labelled:
            guard let (_, record) = Self.split(stored.payload) else { return nil }
            return SessionSeal.open(record, with: self.key(of: place), context: context)
        }
    }

    private static func context(of stored: StoredSession, named name: SessionName) -> [UInt8] {
        stored.sealContext(named: name, payloadByteCount: stored.payload.count)
    }

    private static func split(_ payload: [UInt8]) -> (label: [UInt8], record: [UInt8])? {
        guard payload.count >= self.lengthByteCount else { return nil }
        let end = self.lengthByteCount + (Int(payload[0]) << 8 | Int(payload[1]))
        guard end <= payload.count else { return nil }
        return (Array(payload[self.lengthByteCount..<end]), Array(payload[end...]))
    }
}
