/// The application's part of a session: encoded bytes by name.
///
/// It knows neither types nor JSON.
///
/// Names are compared byte for byte: two names that merely look alike, or that Unicode calls equivalent, are two names.
public struct SessionValues: Sendable, Hashable {
    /// One value.
    public struct Entry: Sendable, Hashable {
        /// The name's UTF-8 bytes.
        public var name: [UInt8]
        /// The encoded value.
        public var bytes: [UInt8]

        /// Creates an entry.
        public init(name: [UInt8], bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The values in the order of their names' bytes.
    public private(set) var entries: [Entry]

    /// Creates an empty set of values.
    public init() {
        self.entries = []
    }

    /// Creates a set from entries in any order; of two with one name the later counts.
    public init(_ entries: [Entry]) {
        self.entries = []
        for entry in entries { self[entry.name] = entry.bytes }
    }

    /// Whether there is no value.
    public var isEmpty: Bool { self.entries.isEmpty }

    /// The bytes of all names and values together.
    public var byteCount: Int { self.entries.reduce(0) { $0 + $1.name.count + $1.bytes.count } }

    /// The bytes stored under a name; `nil` when there are none.
    public subscript(name: [UInt8]) -> [UInt8]? {
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
