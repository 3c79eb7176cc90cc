/// Where a session is stored: what follows from its identifier.
struct SessionLocation: Sendable {
    var identifier: SessionIdentifier
    let name: SessionName
    let keys: ServerKeys
    let sealKey: SealKey

    init(of identifier: SessionIdentifier, keys: ServerKeys) {
        self.identifier = identifier
        self.name = keys.storageName(of: identifier)
        self.keys = keys
        self.sealKey = keys.sealKey(of: identifier)
    }
}

/// What can be said of a session without its identifier, by a server that has our secrets: sealed apart from the record.
struct SessionLabel: Sendable, Hashable {
    /// When the user logged in.
    var loggedInAt: Timestamp
    /// What the application noted of the device.
    var device: SessionDevice?
    /// Which session a remembered login comes from; `nil` for a session.
    var source: SessionHandle?
    /// Whether the session waits until the application is satisfied.
    var isWithheld = false

    func encoded() -> [UInt8] {
        var writer = RecordWriter()
        writer.integer(self.loggedInAt.nanosecondsSinceEpoch)
        // A remembered login says first which session it comes from.
        if let source = self.source { writer.integer(source.number) }
        guard self.isWithheld else {
            writer.device(self.device)
            return writer.output
        }
        // Behind the device, whose parts are empty where there is none.
        writer.text(self.device?.label ?? "")
        writer.text(self.device?.address ?? "")
        writer.byte(1)
        return writer.output
    }

    init(loggedInAt: Timestamp, device: SessionDevice?, source: SessionHandle? = nil, isWithheld: Bool = false) {
        self.loggedInAt = loggedInAt
        self.device = device
        self.source = source
        self.isWithheld = isWithheld
    }

    /// Parses what ``encoded()`` wrote; `nil` for anything else.
    fileprivate init?(decoding bytes: [UInt8], hasSource: Bool) {
        var reader = RecordReader(bytes)
        guard let time = reader.timestamp() else { return nil }
        self.loggedInAt = time
        if hasSource {
            guard let number: UInt64 = reader.integer() else { return nil }
            self.source = SessionHandle(number: number)
        }
        self.device = reader.device()
        guard let mark = reader.byte() else { return }
        self.isWithheld = mark != 0
        self.device = self.device.flatMap { device in
            device.label.isEmpty ? nil : SessionDevice(label: device.label, address: device.address.flatMap { $0.isEmpty ? nil : $0 })
        }
    }
}

/// Turns records into what stores keep and back.
struct SessionSealer: Sendable {
    let protection: StoredSession.Protection

    // MARK: Records

    /// A record as it is stored.
    ///
    /// - Parameters:
    ///   - record: The record.
    ///   - origin: The session's handle and epoch.
    ///   - generation: Counts the writes.
    ///   - expiresAt: From when on the session counts as absent.
    ///   - now: The time of the request.
    ///   - location: Where it is stored.
    ///   - before: What is stored there now: its tag of the user and its label are used again where they say the same.
    ///   - generator: Randomness for the seal.
    func seal(
        _ record: SessionRecord,
        of origin: SessionOrigin,
        generation: UInt64,
        expiresAt: Timestamp,
        at now: Timestamp,
        in location: SessionLocation,
        replacing before: (stored: StoredSession, user: SessionUser?)? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        let isSameUser = before.map { $0.user?.name == record.user?.name } ?? false
        var stored = StoredSession(
            protection: self.protection,
            secretNumber: location.keys.number,
            handle: origin.handle,
            epoch: origin.epoch,
            loginEpoch: record.user?.epoch ?? 0,
            generation: generation,
            createdAt: record.createdAt,
            writtenAt: now,
            expiresAt: expiresAt,
            userTag: isSameUser ? before?.stored.userTag : record.user.map { location.keys.userTag(of: $0.name) },
            payload: []
        )
        guard stored.protection == .sealed else {
            stored.payload = record.encoded()
            return stored
        }
        guard let user = record.user else {
            unsafe record.withEncoded { unsafe self.seal($0, into: &stored, after: [], in: location, using: &generator) }
            return stored
        }
        stored.protection = .labelled
        var label: ArraySlice<UInt8>?
        let isWithheld = record.tracking?.isSuspended ?? false
        if !isWithheld, let (old, oldUser) = before, oldUser?.loggedInAt == user.loggedInAt, oldUser?.device == user.device, isSameUser,
            Self.labelContext(of: old, named: location.name) == Self.labelContext(of: stored, named: location.name)
        {
            label = Self.split(old.payload)?.label
        }
        let sealedLabel = label ?? self.label(of: user, isWithheld: isWithheld, in: stored, location, using: &generator)[...]
        unsafe record.withEncoded { unsafe self.seal($0, into: &stored, after: sealedLabel, in: location, using: &generator) }
        return stored
    }

    /// The record that stored bytes hold; `nil` when they do not open here.
    func open(_ stored: StoredSession, in location: SessionLocation) -> SessionRecord? {
        let bytes: [UInt8]?
        switch (stored.protection, self.protection) {
        case (.none, .none): bytes = stored.payload
        case (.none, _): bytes = nil  // where records are sealed, an open one is forged
        case (.remembered, _), (.listed, _): bytes = nil  // no session
        case (.sealed, _), (.labelled, _): bytes = self.opened(stored, in: location)
        }
        guard let bytes, var record = SessionRecord(decoding: bytes) else { return nil }
        record.origin = SessionOrigin(handle: stored.handle, epoch: stored.epoch)
        record.user?.epoch = stored.loginEpoch
        return record
    }

    // MARK: Tombstones

    /// What is left of a session that has ended: it says so until then, and nothing else.
    func tombstone(replacing stored: StoredSession, until end: Timestamp, at now: Timestamp) -> StoredSession {
        StoredSession(
            state: .ended,
            protection: .none,
            secretNumber: stored.secretNumber,
            handle: stored.handle,
            epoch: stored.epoch,
            generation: stored.generation + 1,
            createdAt: stored.createdAt,
            writtenAt: now,
            expiresAt: end,
            payload: []
        )
    }

    /// What is left of a session whose identifier was replaced: whoever still shows the old one finds the new one, sealed, until then.
    func tombstone(
        of successor: SessionIdentifier,
        replacing stored: StoredSession,
        until end: Timestamp,
        at now: Timestamp,
        in location: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) -> StoredSession {
        var tombstone = StoredSession(
            state: .ended,
            protection: self.protection,
            secretNumber: location.keys.number,
            handle: stored.handle,
            epoch: stored.epoch,
            generation: stored.generation + 1,
            createdAt: stored.createdAt,
            writtenAt: now,
            expiresAt: end,
            payload: []
        )
        // A successor is a secret: without sealing there is no way to leave it behind.
        guard tombstone.protection == .sealed else { return tombstone }
        unsafe successor.secret.withUnsafeBytes {
            unsafe self.seal($0, into: &tombstone, after: [], in: location, using: &generator)
        }
        return tombstone
    }

    /// The identifier that took the place of a session's; `nil` when there is none, or the overlap has passed.
    func successor(in stored: StoredSession, at now: Timestamp, in location: SessionLocation) -> SessionIdentifier? {
        guard stored.state == .ended, stored.protection == .sealed, now < stored.expiresAt else { return nil }
        return self.opened(stored, in: location).flatMap { SessionIdentifier(sealedBytes: $0) }
    }

    // MARK: Labels

    /// What can be said of a stored session without its identifier; `nil` when it has no label or the label does not open.
    static func label(of stored: StoredSession, named name: SessionName, keys: ServerKeys) -> SessionLabel? {
        switch stored.protection {
        case .none:
            let record = SessionRecord(decoding: stored.payload)
            let isWithheld = record?.tracking?.isSuspended ?? false
            return record?.user.map { SessionLabel(loggedInAt: $0.loggedInAt, device: $0.device, isWithheld: isWithheld) }
        case .sealed, .remembered: return nil
        case .labelled, .listed:
            guard let (label, _) = self.split(stored.payload) else { return nil }
            return SessionSeal.open(label, with: keys.labelKey(of: name), context: self.labelContext(of: stored, named: name).bytes)
                .flatMap { SessionLabel(decoding: $0, hasSource: stored.protection == .listed) }
        }
    }

    private func label(
        of user: SessionUser,
        isWithheld: Bool,
        in stored: StoredSession,
        _ location: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var sealed: [UInt8] = []
        SessionSeal.seal(
            SessionLabel(loggedInAt: user.loggedInAt, device: user.device, isWithheld: isWithheld).encoded(),
            into: &sealed,
            with: location.keys.labelKey(of: location.name),
            context: Self.labelContext(of: stored, named: location.name).bytes,
            using: &generator
        )
        return sealed
    }

    /// What a label belongs to: the session and its user, so that it can be kept as it is while the record changes.
    static func labelContext(of stored: StoredSession, named name: SessionName) -> SecretBytes<128> {
        var head = StoredSession(
            protection: .labelled,
            secretNumber: stored.secretNumber,
            handle: stored.handle,
            generation: 0,
            createdAt: stored.createdAt,
            writtenAt: .distantPast,
            expiresAt: .distantFuture,
            userTag: stored.userTag,
            payload: []
        )
        head.epoch = stored.epoch
        return head.sealContext(named: name, payloadByteCount: 0)
    }

    // MARK: Parts

    static let lengthByteCount = 2

    /// Seals bytes into the payload, behind the sealed label where there is one: its length in two bytes, itself, the record.
    private func seal(
        _ bytes: UnsafeRawBufferPointer,
        into stored: inout StoredSession,
        after label: ArraySlice<UInt8>,
        in location: SessionLocation,
        using generator: inout some RandomNumberGenerator
    ) {
        let labelByteCount = label.isEmpty ? 0 : Self.lengthByteCount + label.count
        let total = labelByteCount + bytes.count + SessionSeal.overhead
        let context = stored.sealContext(named: location.name, payloadByteCount: total)
        stored.payload.reserveCapacity(total)
        if !label.isEmpty {
            stored.payload.append(UInt8(truncatingIfNeeded: label.count >> 8))
            stored.payload.append(UInt8(truncatingIfNeeded: label.count))
            stored.payload.append(contentsOf: label)
        }
        unsafe context.withUnsafeBytes {
            unsafe SessionSeal.seal(bytes, into: &stored.payload, with: location.sealKey, context: $0, using: &generator)
        }
    }

    private func opened(_ stored: StoredSession, in location: SessionLocation) -> [UInt8]? {
        let context = stored.sealContext(named: location.name, payloadByteCount: stored.payload.count)
        switch stored.protection {
        case .none, .remembered, .listed: return nil
        case .sealed:
            return unsafe context.withUnsafeBytes { unsafe SessionSeal.open(stored.payload[...], with: location.sealKey, context: $0) }
        case .labelled:
            guard let (_, record) = Self.split(stored.payload) else { return nil }
            return unsafe context.withUnsafeBytes { unsafe SessionSeal.open(record, with: location.sealKey, context: $0) }
        }
    }

    static func split(_ payload: [UInt8]) -> (label: ArraySlice<UInt8>, record: ArraySlice<UInt8>)? {
        guard payload.count >= self.lengthByteCount else { return nil }
        let end = self.lengthByteCount + (Int(payload[0]) << 8 | Int(payload[1]))
        guard end <= payload.count else { return nil }
        return (payload[self.lengthByteCount..<end], payload[end...])
    }
}
