/// What a request wants changed in its session, applied key by key to the record as it is when the request commits.
public struct SessionEdits: Sendable {
    /// What becomes of one value.
    public enum Edit: Sendable {
        /// Replace it, whatever it is by then: of two such edits the later commit wins.
        case set([UInt8])
        /// Take it away.
        case remove
        /// Compute it from what it is by then: nothing concurrent is lost. Runs under the session's lock and may run again.
        case transform(@Sendable ([UInt8]?) -> [UInt8]?)
    }

    /// Whether all values that were there before this request go first.
    public private(set) var clears = false
    /// The edits in the order they were made.
    private var edits: [(name: [UInt8], edit: Edit)] = []
    /// The session's own lifetime, if the request sets it; the inner `nil` takes it away.
    public var lifetime: Int??
    /// The logged-in user, if the request changes it.
    public var user: SessionUser??

    /// Creates edits that change nothing.
    public init() {}

    /// Whether nothing is to change.
    public var isEmpty: Bool {
        !self.clears && self.edits.isEmpty && self.lifetime == nil && self.user == nil
    }

    /// Adds an edit.
    public mutating func add(_ edit: Edit, to name: [UInt8]) {
        self.edits.append((name, edit))
    }

    /// Forgets all edits and clears what is stored.
    public mutating func clear() {
        self = SessionEdits()
        self.clears = true
    }

    /// The value of a name as this request sees it: its own edits over what is stored.
    public func value(of name: [UInt8], over stored: SessionValues?) -> [UInt8]? {
        var value = self.clears ? nil : stored?[name]
        for (edited, edit) in self.edits where edited == name {
            Self.apply(edit, to: &value)
        }
        return value
    }

    /// All values as this request sees them.
    public func values(over stored: SessionValues?) -> SessionValues {
        var values = self.clears ? SessionValues() : stored ?? SessionValues()
        self.apply(to: &values)
        return values
    }

    /// Applies the edits to a record.
    public func apply(to record: inout SessionRecord) {
        if self.clears {
            record.values = SessionValues()
            record.lifetime = nil
            record.user = nil
        }
        self.apply(to: &record.values)
        if let lifetime = self.lifetime { record.lifetime = lifetime }
        if let user = self.user { record.user = user }
    }

    private func apply(to values: inout SessionValues) {
        for (name, edit) in self.edits {
            Self.apply(edit, to: &values[name])
        }
    }

    private static func apply(_ edit: Edit, to value: inout [UInt8]?) {
        switch edit {
        case .set(let bytes): value = bytes
        case .remove: value = nil
        case .transform(let body): value = body(value)
        }
    }
}
