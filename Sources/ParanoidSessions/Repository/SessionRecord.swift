/// What the server remembers of a session.
///
/// A copy is one reference, as a request, its guard and the table of sessions in use all hold the record; whoever changes it gets their own.
package struct SessionRecord: Sendable {
    private struct Contents: Sendable, Hashable {
        var createdAt: Timestamp
        var origin: SessionOrigin?
        var tracking: SessionTracking?
        var values: SessionValues
        var lifetime: SessionLifetime
        var user: SessionUser? {
            didSet { self.authenticatedAt = self.user?.authenticatedAt }
        }
        /// That of the user: beside it, as a look into an optional value copies all of it.
        private(set) var authenticatedAt: Timestamp?
        var unknownParts: [UnknownPart] = []

        init(createdAt: Timestamp, tracking: SessionTracking?, values: SessionValues, lifetime: SessionLifetime, user: SessionUser?) {
            self.createdAt = createdAt
            self.tracking = tracking
            self.values = values
            self.lifetime = lifetime
            self.user = user
            self.authenticatedAt = user?.authenticatedAt
        }
    }

    /// Changed only by a record that has it for itself.
    private final class Storage: @unchecked Sendable {
        // Read by all who share it, changed by the only one who has it: a check at each access would find nothing.
        @exclusivity(unchecked) var contents: Contents

        init(_ contents: Contents) {
            unsafe self.contents = contents
        }
    }

    private var storage: Storage

    /// When the session began; rotation does not change it.
    package var createdAt: Timestamp {
        get { unsafe self.storage.contents.createdAt }
        set { unsafe self.own().contents.createdAt = newValue }
    }
    /// What the session keeps whatever its identifier is; `nil` for a session that is not stored yet.
    package var origin: SessionOrigin? {
        get { unsafe self.storage.contents.origin }
        set { unsafe self.own().contents.origin = newValue }
    }
    /// What the guard remembers; `nil` for a session that only unchecked requests have used so far.
    package var tracking: SessionTracking? {
        @inline(__always) get { unsafe self.storage.contents.tracking }
        @inline(__always) _modify { yield unsafe &self.own().contents.tracking }
    }
    /// The application's values.
    package var values: SessionValues {
        @inline(__always) get { unsafe self.storage.contents.values }
        @inline(__always) _modify { yield unsafe &self.own().contents.values }
    }
    /// How long the session lives.
    package var lifetime: SessionLifetime {
        get { unsafe self.storage.contents.lifetime }
        set { unsafe self.own().contents.lifetime = newValue }
    }
    /// Who is logged in.
    package var user: SessionUser? {
        @inline(__always) get { unsafe self.storage.contents.user }
        @inline(__always) _modify { yield unsafe &self.own().contents.user }
    }
    /// When the user who is logged in last proved to be it; `nil` when nobody is.
    ///
    /// The rules ask for this several times a request: without the rest of what is known of the user.
    var authenticatedAt: Timestamp? { unsafe self.storage.contents.authenticatedAt }
    /// Parts that a newer version of this code has written: kept as they are, so that nothing is lost while versions change.
    var unknownParts: [UnknownPart] {
        @inline(__always) get { unsafe self.storage.contents.unknownParts }
        @inline(__always) _modify { yield unsafe &self.own().contents.unknownParts }
    }

    struct UnknownPart: Sendable, Hashable {
        var kind: UInt8
        var bytes: [UInt8]
    }

    private mutating func own() -> Storage {
        if !isKnownUniquelyReferenced(&self.storage) { self.storage = unsafe Storage(self.storage.contents) }
        return self.storage
    }

    /// Creates a record.
    package init(
        createdAt: Timestamp,
        tracking: SessionTracking? = nil,
        values: SessionValues = SessionValues(),
        lifetime: SessionLifetime = .standard,
        user: SessionUser? = nil
    ) {
        self.storage = Storage(Contents(createdAt: createdAt, tracking: tracking, values: values, lifetime: lifetime, user: user))
    }
}

extension SessionRecord: Hashable {
    package static func == (lhs: SessionRecord, rhs: SessionRecord) -> Bool {
        unsafe lhs.storage === rhs.storage || lhs.storage.contents == rhs.storage.contents
    }

    package func hash(into hasher: inout Hasher) { unsafe hasher.combine(self.storage.contents) }
}

/// What a session is given when it begins and keeps for its life, through all rotations; it lies in the clear head.
package struct SessionOrigin: Sendable, Hashable {
    /// The name of the session for people.
    package let handle: SessionHandle
    /// The store's epoch at its beginning.
    package let epoch: UInt64
}

/// The application's part of a session: encoded bytes by name.
///
/// It knows neither types nor JSON.
///
/// Names are compared byte for byte: two names that merely look alike, or that Unicode calls equivalent, are two names.
package struct SessionValues: Sendable, Hashable {
    /// One value.
    package struct Entry: Sendable, Hashable {
        /// The name's UTF-8 bytes.
        package var name: [UInt8]
        /// The encoded value.
        package var bytes: [UInt8]

        /// Creates an entry.
        package init(name: [UInt8], bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The values in the order of their names' bytes.
    package private(set) var entries: [Entry]

    /// Creates an empty set of values.
    package init() {
        self.entries = []
    }

    /// Creates a set from entries in any order; of two with one name the later counts.
    package init(_ entries: [Entry]) {
        self.entries = entries
        // As they are written, they are in order.
        for index in entries.indices.dropFirst() where !entries[index - 1].name.lexicographicallyPrecedes(entries[index].name) {
            self.entries = []
            for entry in entries { self[entry.name] = entry.bytes }
            return
        }
    }

    /// Whether there is no value.
    package var isEmpty: Bool { self.entries.isEmpty }

    /// The bytes of all names and values together.
    package var byteCount: Int { self.entries.reduce(0) { $0 + $1.name.count + $1.bytes.count } }

    /// The bytes stored under a name; `nil` when there are none.
    package subscript(name: [UInt8]) -> [UInt8]? {
        get { self.bytes(of: name) }
        set {
            let (index, isPresent) = self.position(of: name)
            switch (isPresent, newValue) {
            case (true, let bytes?): self.entries[index].bytes = bytes
            case (true, nil): self.entries.remove(at: index)
            case (false, let bytes?): self.entries.insert(Entry(name: name, bytes: bytes), at: index)
            case (false, nil): break
            }
        }
    }

    /// The same for a name that is not in an array.
    func bytes(of name: some Collection<UInt8>) -> [UInt8]? {
        let (index, isPresent) = self.position(of: name)
        return isPresent ? self.entries[index].bytes : nil
    }

    private func position(of name: some Collection<UInt8>) -> (index: Int, isPresent: Bool) {
        var low = 0
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].name.lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
        }
        return (low, low < self.entries.count && self.entries[low].name.elementsEqual(name))
    }
}
