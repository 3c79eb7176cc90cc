/// What a request shows of its client, apart from secrets.
package struct ClientSignals: Sendable {
    /// One thing about the client.
    package struct Reading: Sendable, Hashable {
        /// What it is, such as `address`.
        package var name: String
        /// What it is worth comparing of it: a network, not an address.
        package var value: [UInt8]
        /// What a change means.
        package var policy: SignalPolicy

        /// Creates a reading.
        package init(name: String, value: [UInt8], policy: SignalPolicy) {
            self.name = name
            self.value = value
            self.policy = policy
        }
    }

    /// All bytes that the readings come from: as long as these stay the same nothing needs to be read.
    package let source: [UInt8]
    /// Reads them.
    package let readings: @Sendable () -> [Reading]

    /// Creates signals.
    package init(source: [UInt8], readings: @escaping @Sendable () -> [Reading]) {
        self.source = source
        self.readings = readings
    }

    /// Nothing is noted.
    package static let none = ClientSignals(source: [], readings: { [] })
}

extension ClientSignals: CustomStringConvertible {
    /// Says nothing; addresses and agents are personal data.
    package var description: String { "ClientSignals(redacted)" }
}

/// What is new about a client.
package struct SignalFindings: Sendable, Hashable {
    /// One thing that has changed.
    package struct Change: Sendable, Hashable {
        /// What it is, such as `address`.
        package let name: String
        /// What that means.
        package let policy: SignalPolicy
        let code: [UInt8]

        /// The same, with another consequence.
        func meaning(_ policy: SignalPolicy) -> Change { Change(name: self.name, policy: policy, code: self.code) }
    }

    /// What has changed, in the order of the rules.
    package let changes: [Change]
    let sourceCode: [UInt8]

    /// The gravest consequence.
    package var policy: SignalPolicy { self.changes.map(\.policy).max() ?? .off }
}

/// What a session knows of its client: keyed hashes of a few values of each signal, the ones seen last.
package struct KnownSignals: Sendable, Hashable {
    static let codeByteCount = 8
    static let sourceByteCount = 16
    /// How many values of one signal are remembered: the networks at home, at work and between them.
    static let maximumCount = 6

    struct Entry: Sendable, Hashable {
        var name: [UInt8]
        var codes: [[UInt8]]
    }

    var entries: [Entry] = []
    /// The code of the bytes in which nothing was new when the session was last written.
    var sourceCode: [UInt8] = []

    /// Knows nothing.
    package init() {}

    /// What of the signals is not known; `nil`: nothing.
    ///
    /// A signal that was never read, as there was no rule for it, is no change.
    func findings(on signals: ClientSignals, keys: ServerKeys) -> SignalFindings? {
        guard !signals.source.isEmpty else { return nil }
        let sourceCode = Self.sourceCode(of: signals, keys: keys)
        if sourceCode == self.sourceCode { return nil }
        var changes: [SignalFindings.Change] = []
        for reading in signals.readings() where reading.policy != .off {
            guard let entry = self.entries.first(where: { $0.name == Array(reading.name.utf8) }) else { continue }
            let code = Self.code(of: reading, keys: keys)
            if !entry.codes.contains(code) {
                changes.append(SignalFindings.Change(name: reading.name, policy: reading.policy, code: code))
            }
        }
        return changes.isEmpty ? nil : SignalFindings(changes: changes, sourceCode: sourceCode)
    }

    /// Takes note of what was new, apart from what is pending until a new value is shown.
    ///
    /// - Returns: The names of what another request has not noted meanwhile.
    @discardableResult
    mutating func remember(_ findings: SignalFindings) -> [String] {
        var noted: [String] = []
        for change in findings.changes where change.policy != .rotate {
            if self.add(change.code, to: Array(change.name.utf8)) { noted.append(change.name) }
        }
        if findings.changes.allSatisfy({ $0.policy != .rotate }) { self.sourceCode = findings.sourceCode }
        return noted
    }

    /// Takes note of a value that is the owner's.
    mutating func remember(_ entry: PendingSignals.Entry) { _ = self.add(entry.code, to: entry.name) }

    private mutating func add(_ code: [UInt8], to name: [UInt8]) -> Bool {
        guard let index = self.entries.firstIndex(where: { $0.name == name }) else { return false }
        if self.entries[index].codes.contains(code) { return false }
        self.entries[index].codes.append(code)
        if self.entries[index].codes.count > Self.maximumCount { self.entries[index].codes.removeFirst() }
        return true
    }

    /// Takes note of signals that were never read before, and of the bytes if nothing in them is new.
    mutating func complete(with signals: ClientSignals, keys: ServerKeys) {
        guard !signals.source.isEmpty else { return }
        let sourceCode = Self.sourceCode(of: signals, keys: keys)
        guard sourceCode != self.sourceCode else { return }
        var isKnown = true
        for reading in signals.readings() where reading.policy != .off {
            let code = Self.code(of: reading, keys: keys)
            if let entry = self.entries.first(where: { $0.name == Array(reading.name.utf8) }) {
                isKnown = isKnown && entry.codes.contains(code)
            } else {
                self.entries.append(Entry(name: Array(reading.name.utf8), codes: [code]))
            }
        }
        if isKnown { self.sourceCode = sourceCode }
    }

    /// Whether more has changed than the bytes in which nothing was new: that alone is not worth a write.
    func hasOtherValues(than other: KnownSignals) -> Bool { self.entries != other.entries }

    private static func sourceCode(of signals: ClientSignals, keys: ServerKeys) -> [UInt8] {
        Array(keys.code(.signal, over: [0] + signals.source).bytes.prefix(Self.sourceByteCount))
    }

    private static func code(of reading: ClientSignals.Reading, keys: ServerKeys) -> [UInt8] {
        let name = Array(reading.name.utf8)
        let message = [1] + UInt64(name.count).bigEndianBytes + name + reading.value
        return Array(keys.code(.signal, over: message).bytes.prefix(Self.codeByteCount))
    }
}

// The binary form, a part of a session record.

extension RecordWriter {
    mutating func known(_ known: KnownSignals) {
        self.bytes(known.sourceCode)
        for entry in known.entries {
            self.bytes(entry.name)
            self.bytes(Array(entry.codes.joined()))
        }
    }
}

extension RecordReader {
    mutating func known() -> KnownSignals? {
        guard let source = self.bytes() else { return nil }
        var known = KnownSignals()
        known.sourceCode = Array(source)
        while !self.isAtEnd {
            guard let name = self.bytes(), let codes = self.bytes(), codes.count % KnownSignals.codeByteCount == 0 else { return nil }
            let starts = stride(from: codes.startIndex, to: codes.endIndex, by: KnownSignals.codeByteCount)
            known.entries.append(
                KnownSignals.Entry(name: Array(name), codes: starts.map { Array(codes[$0..<$0 + KnownSignals.codeByteCount]) })
            )
        }
        return known
    }
}
