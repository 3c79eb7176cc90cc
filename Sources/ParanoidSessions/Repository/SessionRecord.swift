/// What the server remembers of a session.
package struct SessionRecord: Sendable, Hashable {
    /// When the session began; rotation does not change it.
    package var createdAt: Timestamp
    /// What the session keeps whatever its identifier is; `nil` for a session that is not stored yet.
    package var origin: SessionOrigin?
    /// What the guard remembers; `nil` for a session that only unchecked requests have used so far.
    package var tracking: SessionTracking?
    /// The application's values.
    package var values: SessionValues
    /// How long the session lives.
    package var lifetime: SessionLifetime
    /// Who is logged in.
    package var user: SessionUser?
    /// Parts that a newer version of this code has written: kept as they are, so that nothing is lost while versions change.
    var unknownParts: [UnknownPart] = []

    struct UnknownPart: Sendable, Hashable {
        var kind: UInt8
        var bytes: [UInt8]
    }

    /// Creates a record.
    package init(
        createdAt: Timestamp,
        tracking: SessionTracking? = nil,
        values: SessionValues = SessionValues(),
        lifetime: SessionLifetime = .standard,
        user: SessionUser? = nil
    ) {
        self.createdAt = createdAt
        self.tracking = tracking
        self.values = values
        self.lifetime = lifetime
        self.user = user
    }
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
        get {
            let (index, isPresent) = self.position(of: name)
            return isPresent ? self.entries[index].bytes : nil
        }
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

    private func position(of name: [UInt8]) -> (index: Int, isPresent: Bool) {
        var low = 0
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].name.lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
        }
        return (low, low < self.entries.count && self.entries[low].name == name)
    }
}
