/// Values of signals that a session has met and that have not shown yet that they are its owner's: networks, for the most part.
///
/// Each has a place. A response to it gives the session's next value with the place's bit in the value's number. So whoever shows that value,
/// from whatever network, says that the response has come to the session's jar.
package struct PendingSignals: Sendable, Hashable {
    /// One value of a signal.
    struct Entry: Sendable, Hashable {
        var name: [UInt8]
        var code: SecretBytes<8>
        var place: UInt8
        /// The first generation of values that can have been given to it.
        var since: UInt32
        /// How many responses have given it a value of the next generation, a third of D apart at least; not counted further than is enough.
        var answers: UInt8 = 0
        /// When the last response to it went out that gave a value, also of an older generation.
        var lastAt: Timestamp?
    }

    /// One for each bit of a place; the oldest gives way.
    static let maximumCount = 8
    /// So many responses do not get lost one after the other.
    static let enoughAnswers: UInt8 = 5
    /// The bits of a value's number that say for which places it was given.
    static let placeBits: UInt64 = 0xFF

    private(set) var entries: [Entry] = []

    /// None.
    init() {}

    init(_ entries: [Entry]) {
        self.entries = entries
    }

    private func index(_ change: SignalFindings.Change) -> Int? {
        self.entries.firstIndex { $0.code == change.code && $0.name == Array(change.name.utf8) }
    }

    /// Takes note of what is new.
    ///
    /// - Returns: The names of what was not noted before.
    mutating func note(_ findings: SignalFindings, generation: UInt32) -> [String] {
        var noted: [String] = []
        for change in findings.pending where self.index(change) == nil {
            if self.entries.count == Self.maximumCount { self.entries.removeFirst() }
            let used = self.entries.reduce(0 as UInt8) { $0 | 1 << $1.place }
            let place = UInt8((~used).trailingZeroBitCount)
            self.entries.append(Entry(name: Array(change.name.utf8), code: change.code, place: place, since: generation &+ 1))
            noted.append(change.name)
        }
        return noted
    }

    /// The places of what is new with a request, as bits.
    func places(of findings: SignalFindings?) -> UInt64 {
        guard let findings else { return 0 }
        let found = findings.changes.compactMap { self.index($0) }
        return found.reduce(0) { $0 | 1 << UInt64(self.entries[$1].place) }
    }

    /// Whether nothing was given yet to what is new with a request.
    func isFirst(for findings: SignalFindings) -> Bool {
        findings.pending.contains { change in self.index(change).map { self.entries[$0].lastAt == nil } ?? true }
    }

    /// Takes note of a response that gives a value of the next generation.
    mutating func carry(_ places: UInt64, at now: Timestamp, delay: Duration) {
        for index in self.entries.indices where places & 1 << UInt64(self.entries[index].place) != 0 {
            let entry = self.entries[index]
            guard entry.answers < Self.enoughAnswers, entry.lastAt.map({ $0.advanced(by: delay.divided(by: 3)) <= now }) ?? true else {
                continue
            }
            self.entries[index].answers += 1
            self.entries[index].lastAt = now
        }
    }

    /// Begins to count anew, as a value of the next generation was shown.
    mutating func moveOn() {
        for index in self.entries.indices { self.entries[index].answers = 0 }
    }

    /// Takes out what a value that is shown was given to: it is the owner's.
    mutating func confirm(_ value: RotationChain.Value) -> [Entry] {
        self.takeOut { value.generation >= $0.since && value.number & 1 << UInt64($0.place) != 0 }
    }

    /// Takes out all to which anything was given.
    mutating func confirmAll() -> [Entry] { self.takeOut { $0.answers > 0 } }

    private mutating func takeOut(_ isMeant: (Entry) -> Bool) -> [Entry] {
        if self.entries.isEmpty { return [] }
        let confirmed = self.entries.filter(isMeant)
        if !confirmed.isEmpty { self.entries.removeAll(where: isMeant) }
        return confirmed
    }

    /// Whether a value was given new cookies often enough, and long enough ago, and the session has shown none.
    ///
    /// One lost response costs nobody the session, and neither does a moment without a connection: the last of the responses that count had
    /// the time to arrive, and so had the request after it.
    func isExhausted(_ change: SignalFindings.Change, at arrivedAt: Timestamp, delay: Duration) -> Bool {
        guard let index = self.index(change), let lastAt = self.entries[index].lastAt else { return false }
        return self.entries[index].answers >= Self.enoughAnswers && lastAt.advanced(by: delay + delay) < arrivedAt
    }
}

// The binary form, a part of a session record.

extension RecordWriter {
    mutating func pending(_ pending: PendingSignals) {
        for entry in pending.entries {
            self.bytes(entry.name)
            self.bytes(entry.code)
            self.byte(entry.place)
            self.integer(UInt64(entry.since))
            self.byte(entry.answers)
            self.optionalTimestamp(entry.lastAt)
        }
    }
}

extension RecordReader {
    mutating func pending() -> PendingSignals? {
        var entries: [PendingSignals.Entry] = []
        while !self.isAtEnd {
            guard entries.count < PendingSignals.maximumCount, let name = self.bytes(),
                let code = self.bytes().flatMap({ SecretBytes<8>($0) }), let place = self.byte(), place < PendingSignals.maximumCount,
                let since = self.integer().flatMap({ UInt32(exactly: $0) }), let answers = self.byte(),
                let lastAt = self.optionalTimestamp()
            else { return nil }
            var entry = PendingSignals.Entry(name: Array(name), code: code, place: place, since: since)
            entry.answers = answers
            entry.lastAt = lastAt
            entries.append(entry)
        }
        return PendingSignals(entries)
    }
}
