// The binary form of a session record: a version and sections that say what they are and how long, so that a reader passes over what
// it does not know. A section or value that does not parse is lost alone.

extension SessionRecord {
    /// The version this code writes.
    static let formatVersion: UInt8 = 1

    private enum Section: UInt8 {
        case times = 1
        case tracking = 2
        case lifetime = 3
        case user = 4
        case value = 5
        case chain = 6
        case predecessor = 7
        case authentication = 8
        case signals = 16
        case suspension = 17
        case pending = 18
        case predecessorTime = 19
        case memory = 20
    }

    /// The record as bytes.
    package func encoded() -> [UInt8] { self.written().output }

    /// Lends the record as bytes, which are overwritten afterwards.
    func withEncoded<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value { unsafe self.written().withBytes(body) }

    private func written() -> RecordWriter {
        var writer = RecordWriter(capacity: 512 + self.values.byteCount + 16 * self.values.entries.count)
        writer.byte(Self.formatVersion)
        writer.section(Section.times.rawValue) { $0.integer(self.createdAt.nanosecondsSinceEpoch) }
        if let tracking = self.tracking {
            writer.section(Section.tracking.rawValue) { section in
                section.integer(tracking.position)
                section.optionalTimestamp(tracking.nonceIssuedAt)
                section.integer(tracking.identifierIssuedAt.nanosecondsSinceEpoch)
                section.bytes(tracking.seed)
                section.bytes(tracking.fingerprint.secret)
                if let key = tracking.secureKey { section.bytes(key.secret) } else { section.bytes([]) }
            }
            if let chain = tracking.chain { writer.section(Section.chain.rawValue) { $0.chain(chain) } }
            if let predecessor = tracking.predecessor {
                writer.section(Section.predecessor.rawValue) { $0.raw(predecessor.identifier.secret) }
                if let time = predecessor.issuedAt {
                    writer.section(Section.predecessorTime.rawValue) { $0.integer(time.nanosecondsSinceEpoch) }
                }
            }
            if !tracking.known.entries.isEmpty { writer.section(Section.signals.rawValue) { $0.known(tracking.known) } }
            if !tracking.pending.entries.isEmpty { writer.section(Section.pending.rawValue) { $0.pending(tracking.pending) } }
            if tracking.isSuspended { writer.section(Section.suspension.rawValue) { _ in } }
        }
        if let seconds = self.lifetime.recordedSeconds {
            writer.section(Section.lifetime.rawValue) { $0.integer(seconds) }
        }
        if let user = self.user {
            writer.section(Section.user.rawValue) { section in
                section.integer(user.loggedInAt.nanosecondsSinceEpoch)
                section.text(user.name)
                section.device(user.device)
            }
            writer.section(Section.authentication.rawValue) { section in
                // Says which login it belongs to: older code keeps this part, as it does not know it, even if somebody else logs in.
                section.integer(user.loggedInAt.nanosecondsSinceEpoch)
                section.integer(user.authenticatedAt.nanosecondsSinceEpoch)
                section.byte(user.level.rawValue)
            }
            if let memory = user.memory {
                writer.section(Section.memory.rawValue) { section in
                    section.integer(user.loggedInAt.nanosecondsSinceEpoch)
                    section.integer(memory.number)
                }
            }
        }
        for entry in self.values.entries {
            writer.section(Section.value.rawValue) { section in
                section.bytes(entry.name)
                section.bytes(entry.bytes)
            }
        }
        for part in self.unknownParts {
            writer.section(part.kind) { $0.raw(part.bytes) }
        }
        return writer
    }

    /// Parses what ``encoded()`` wrote; `nil` for a broken frame.
    ///
    /// All versions have this frame: what a newer one has added is kept, what does not parse is lost alone.
    package init?(decoding bytes: [UInt8]) {
        var reader = RecordReader(bytes)
        guard let version = reader.byte(), version >= Self.formatVersion else { return nil }
        self.init(createdAt: .distantPast)
        var entries: [SessionValues.Entry] = []
        // Set once: each look into the record's user copies all of it.
        var user: SessionUser?
        while let (kind, content) = reader.section() {
            var section = RecordReader(content)
            switch Section(rawValue: kind) {
            case .times:
                if let time = section.integer() { self.createdAt = Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: time)) }
            case .tracking:
                // Without it the session would be open to the identifier alone.
                guard let tracking = SessionTracking(decoding: &section) else { return nil }
                self.tracking = tracking
            // Sections of the tracking come behind it.
            case .chain:
                // Without the tracking it would be open to the identifier alone. One of another version is not read, see
                // RotationChain(resumingAt:at:); one of this version that does not parse is damaged.
                guard self.tracking != nil else { return nil }
                if RotationChain.canRead(content) {
                    guard let chain = section.chain() else { return nil }
                    self.tracking?.chain = chain
                }
            case .predecessor:
                self.tracking?.predecessor = SessionIdentifier(sealedBytes: content).map { .init($0, issuedAt: nil) }
            // Comes behind it; an earlier release keeps this part, as it does not know it, also behind another one or none.
            case .predecessorTime: self.tracking?.predecessor?.issuedAt = section.timestamp()
            case .signals: if let known = section.known() { self.tracking?.known = known }
            case .pending: if let pending = section.pending() { self.tracking?.pending = pending }
            case .suspension: self.tracking?.isSuspended = true
            case .lifetime: self.lifetime = SessionLifetime(recordedSeconds: section.integer().map { Int64(bitPattern: $0) })
            case .user:
                if let time = section.integer(), let name = section.bytes() {
                    let loggedInAt = Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: time))
                    let text = String(decoding: name, as: UTF8.self)
                    user = SessionUser(name: text, loggedInAt: loggedInAt, device: section.device())
                }
            // Comes behind the user.
            case .authentication:
                if section.timestamp() == user?.loggedInAt, let time = section.timestamp(), let level = section.byte() {
                    user?.authenticatedAt = time
                    user?.level = AssuranceLevel(rawValue: level)
                }
            // The same.
            case .memory:
                if section.timestamp() == user?.loggedInAt, let number: UInt64 = section.integer() {
                    user?.memory = SessionHandle(number: number)
                }
            case .value:
                if let name = section.bytes(), let value = section.bytes() {
                    entries.append(SessionValues.Entry(name: Array(name), bytes: Array(value)))
                }
            case nil: self.unknownParts.append(UnknownPart(kind: kind, bytes: Array(content)))
            }
        }
        guard reader.isAtEnd else { return nil }
        self.values = SessionValues(entries)
        if let user { self.user = user }
    }
}

extension SessionTracking {
    fileprivate init?(decoding section: inout RecordReader) {
        guard let position = section.integer(),
            let nonceIssuedAt = section.optionalTimestamp(),
            let identifierIssuedAt = section.integer(),
            let seed = section.bytes().flatMap({ SecretBytes<24>($0) }),
            let fingerprint = section.bytes().flatMap({ Fingerprint(storedBytes: $0) }),
            let second = section.bytes()
        else { return nil }
        let secureKey = SecureKey(storedBytes: second)
        guard second.isEmpty || secureKey != nil else { return nil }
        self.init(
            fingerprint: fingerprint,
            seed: seed,
            position: position,
            nonceIssuedAt: nonceIssuedAt,
            identifierIssuedAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: identifierIssuedAt)),
            secureKey: secureKey
        )
    }
}
