internal import ParanoidHTTP

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
    /// The code of the source, and the number of the server secret that it was computed with; `nil` until it is known.
    private(set) var code: (code: SecretBytes<16>, secretNumber: UInt8)?

    /// Creates signals.
    package init(source: [UInt8], readings: @escaping @Sendable () -> [Reading]) {
        self.source = source
        self.readings = readings
    }

    /// The code of the source; computed where it was not noted.
    func sourceCode(keys: ServerKeys) -> SecretBytes<16> {
        if let code, code.secretNumber == keys.number { return code.code }
        return SecretBytes(prefixOf: keys.code(.signal, 0, over: self.source))
    }

    /// Notes the code of the source, so that it is not computed again.
    mutating func noteCode(keys: ServerKeys) {
        if let code, code.secretNumber == keys.number { return }
        self.code = (self.sourceCode(keys: keys), keys.number)
    }

    /// The same source with the code that another request has found for it.
    init(_ known: ClientSignals, readings: @escaping @Sendable () -> [Reading]) {
        self.source = known.source
        self.code = known.code
        self.readings = readings
    }

    /// Only what another request can be compared with.
    var withoutReadings: ClientSignals { ClientSignals(self) { [] } }

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
        let code: SecretBytes<8>

        /// The same, with another consequence.
        func meaning(_ policy: SignalPolicy) -> Change { Change(name: self.name, policy: policy, code: self.code) }
    }

    /// What has changed, in the order of the rules.
    package let changes: [Change]
    let sourceCode: SecretBytes<16>?

    /// The gravest consequence.
    package var policy: SignalPolicy { self.changes.map(\.policy).max() ?? .off }

    /// Those that are the owner's once what is given to them is shown, see ``PendingSignals``: new values are due as soon as they can do no harm.
    var pending: [Change] { self.changes.filter { $0.policy == .rotate } }

    /// Whether there are such.
    var hastensRotation: Bool { self.changes.contains { $0.policy == .rotate } }
}

/// What a session knows of its client: keyed hashes of a few values of each signal, the ones seen last.
package struct KnownSignals: Sendable, Hashable {
    static let codeByteCount = 8
    /// How many values of one signal are remembered: the networks at home, at work and between them.
    static let maximumCount = 6

    struct Entry: Sendable, Hashable {
        var name: [UInt8]
        /// One behind the other, the one seen last at the end.
        var codes: [UInt8]

        func contains(_ code: SecretBytes<8>) -> Bool {
            unsafe self.codes.withUnsafeBytes { codes in
                unsafe code.withUnsafeBytes { code in
                    stride(from: 0, to: codes.count, by: code.count).contains { start in
                        unsafe UnsafeRawBufferPointer(rebasing: codes[start..<start + code.count]).hasSameBytes(as: code)
                    }
                }
            }
        }

        mutating func add(_ code: SecretBytes<8>) {
            unsafe code.withUnsafeBytes { unsafe self.codes.append(contentsOf: $0) }
            let excess = self.codes.count - KnownSignals.maximumCount * KnownSignals.codeByteCount
            if excess > 0 { self.codes.removeFirst(excess) }
        }
    }

    var entries: [Entry] = []
    /// The code of the bytes in which nothing was new when the session was last written.
    var sourceCode: SecretBytes<16>?

    /// Knows nothing.
    package init() {}

    /// What of the signals is not known; `nil`: nothing.
    ///
    /// A signal that was never read, as there was no rule for it, is no change.
    func findings(on signals: ClientSignals, keys: ServerKeys) -> SignalFindings? {
        if self.knows(signals, keys: keys) { return nil }
        let sourceCode = signals.sourceCode(keys: keys)
        var changes: [SignalFindings.Change] = []
        for reading in signals.readings() where reading.policy != .off {
            guard let entry = self.entries.first(where: { $0.name.elementsEqual(reading.name.utf8) }) else { continue }
            let code = Self.code(of: reading, keys: keys)
            if !entry.contains(code) {
                changes.append(SignalFindings.Change(name: reading.name, policy: reading.policy, code: code))
            }
        }
        return changes.isEmpty ? nil : SignalFindings(changes: changes, sourceCode: sourceCode)
    }

    /// Whether the signals are those in which nothing was new.
    func knows(_ signals: ClientSignals, keys: ServerKeys) -> Bool {
        signals.source.isEmpty || signals.sourceCode(keys: keys) == self.sourceCode
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
        if !findings.hastensRotation { self.sourceCode = findings.sourceCode }
        return noted
    }

    /// Takes note of a value that is the owner's.
    mutating func remember(_ entry: PendingSignals.Entry) { _ = self.add(entry.code, to: entry.name) }

    private mutating func add(_ code: SecretBytes<8>, to name: [UInt8]) -> Bool {
        guard let index = self.entries.firstIndex(where: { $0.name == name }) else { return false }
        if self.entries[index].contains(code) { return false }
        self.entries[index].add(code)
        return true
    }

    /// Takes note of signals that were never read before, and of the bytes if nothing in them is new.
    mutating func complete(with signals: ClientSignals, keys: ServerKeys) {
        if self.knows(signals, keys: keys) { return }
        let sourceCode = signals.sourceCode(keys: keys)
        var isKnown = true
        for reading in signals.readings() where reading.policy != .off {
            let code = Self.code(of: reading, keys: keys)
            if let entry = self.entries.first(where: { $0.name.elementsEqual(reading.name.utf8) }) {
                isKnown = isKnown && entry.contains(code)
            } else {
                self.entries.append(Entry(name: Array(reading.name.utf8), codes: code.bytes))
            }
        }
        if isKnown { self.sourceCode = sourceCode }
    }

    /// Whether more has changed than the bytes in which nothing was new: that alone is not worth a write.
    func hasOtherValues(than other: KnownSignals) -> Bool { self.entries != other.entries }

    private static func code(of reading: ClientSignals.Reading, keys: ServerKeys) -> SecretBytes<8> {
        let name = reading.name.utf8
        var message: [UInt8] = []
        message.reserveCapacity(8 + name.count + reading.value.count)
        BigEndian.append(UInt64(name.count), to: &message)
        message.append(contentsOf: name)
        message.append(contentsOf: reading.value)
        return SecretBytes(prefixOf: keys.code(.signal, 1, over: message))
    }
}

// The binary form, a part of a session record.

extension RecordWriter {
    mutating func known(_ known: KnownSignals) {
        if let code = known.sourceCode { self.bytes(code) } else { self.bytes([]) }
        for entry in known.entries {
            self.bytes(entry.name)
            self.bytes(entry.codes)
        }
    }
}

extension RecordReader {
    mutating func known() -> KnownSignals? {
        guard let source = self.bytes() else { return nil }
        var known = KnownSignals()
        known.sourceCode = SecretBytes<16>(source)
        while !self.isAtEnd {
            guard let name = self.bytes(), let codes = self.bytes(), codes.count % KnownSignals.codeByteCount == 0 else { return nil }
            known.entries.append(KnownSignals.Entry(name: Array(name), codes: Array(codes)))
        }
        return known
    }
}
