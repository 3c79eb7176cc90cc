// The binary form of a rotation chain, a part of a session record.

extension RotationChain {
    /// The version that this code writes; it reads the one before as well.
    fileprivate static let formatVersion: UInt8 = 3
    private static let formatBefore: UInt8 = 2

    /// Whether bytes are of a version that this code reads.
    static func canRead(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.first.map { Self.formatBefore...Self.formatVersion ~= $0 } ?? false }

    fileprivate func write(to writer: inout RecordWriter) {
        writer.byte(Self.formatVersion)
        writer.integer(UInt64(self.generation))
        writer.integer(self.beganAt.nanosecondsSinceEpoch)
        writer.integer(self.sentAt.nanosecondsSinceEpoch)
        writer.optionalTimestamp(self.nextSentAt)
        writer.optionalInteger(self.settled)
        writer.byte(UInt8(self.shown.count))
        for shown in self.shown {
            writer.integer(shown.number)
            writer.integer(shown.firstAt.nanosecondsSinceEpoch)
            writer.optionalTimestamp(shown.lastPossibleAt)
        }
        writer.byte(UInt8(self.left.count))
        for left in self.left {
            writer.integer(UInt64(left.generation))
            writer.integer(left.at.nanosecondsSinceEpoch)
            writer.integer(left.sentAt.nanosecondsSinceEpoch)
            writer.optionalInteger(left.settled)
        }
        writer.optionalTimestamp(self.forgottenAt)
        writer.byte(self.rounds.count)
        writer.optionalTimestamp(self.rounds.lastAt)
        writer.optionalTimestamp(self.rounds.postponedAt)
    }

    /// Reads what ``write(to:)`` wrote, or the version before it; `nil` for anything else.
    fileprivate init?(reading reader: inout RecordReader) {
        guard let version = reader.byte(), Self.formatBefore...Self.formatVersion ~= version, let generation = reader.generation(),
            let beganAt = reader.timestamp(), let sentAt = reader.timestamp(), let nextSentAt = reader.optionalTimestamp(),
            let settled = reader.optionalInteger(), let shownCount = reader.byte(), Int(shownCount) <= Self.maximumShown
        else { return nil }
        self.init(at: beganAt)
        self.generation = generation
        self.sentAt = sentAt
        self.nextSentAt = nextSentAt
        self.settled = settled
        for _ in 0..<shownCount {
            guard let number = reader.integer(), let firstAt = reader.timestamp(), let last = reader.optionalTimestamp() else { return nil }
            self.shown.append(Shown(number: number, firstAt: firstAt, lastPossibleAt: last))
        }
        guard let leftCount = reader.byte(), Int(leftCount) <= Self.maximumLeft else { return nil }
        for _ in 0..<leftCount {
            guard let generation = reader.generation(), let at = reader.timestamp(), let sentAt = reader.timestamp(),
                let settled = reader.optionalInteger()
            else { return nil }
            self.left.append(Left(generation: generation, at: at, sentAt: sentAt, settled: settled))
        }
        if version == Self.formatBefore {
            // It did not say when a generation was left that it had forgotten: not after the oldest that it remembers.
            self.forgottenAt = self.left.first?.at
            return
        }
        guard let forgottenAt = reader.optionalTimestamp(), let count = reader.byte(), let lastAt = reader.optionalTimestamp(),
            let postponedAt = reader.optionalTimestamp()
        else { return nil }
        self.forgottenAt = forgottenAt
        self.rounds = Rounds(count: count, lastAt: lastAt, postponedAt: postponedAt)
    }
}

extension RecordWriter {
    mutating func chain(_ chain: RotationChain) { chain.write(to: &self) }

    fileprivate mutating func optionalInteger(_ value: UInt64?) {
        self.byte(value == nil ? 0 : 1)
        self.integer(value ?? 0)
    }
}

extension RecordReader {
    mutating func chain() -> RotationChain? { RotationChain(reading: &self) }

    fileprivate mutating func optionalInteger() -> UInt64?? {
        guard let presence = self.byte(), presence <= 1, let value = self.integer() else { return nil }
        return .some(presence == 1 ? value : nil)
    }

    fileprivate mutating func generation() -> UInt32? { self.integer().flatMap { UInt32(exactly: $0) } }
}
