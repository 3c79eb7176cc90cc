// The binary form of a rotation chain, a part of a session record.

extension RecordWriter {
    mutating func chain(_ chain: RotationChain) {
        self.integer(UInt64(chain.generation))
        self.integer(chain.beganAt.nanosecondsSinceEpoch)
        self.integer(chain.sentAt.nanosecondsSinceEpoch)
        self.optionalTimestamp(chain.nextSentAt)
        self.byte(UInt8(chain.shown.count))
        for shown in chain.shown {
            self.integer(shown.number)
            self.integer(shown.firstAt.nanosecondsSinceEpoch)
            self.optionalTimestamp(shown.lastPossibleAt)
        }
        self.byte(UInt8(clamping: chain.left.count))
        for left in chain.left.suffix(255) {
            self.integer(UInt64(left.generation))
            self.integer(left.at.nanosecondsSinceEpoch)
        }
    }
}

extension RecordReader {
    mutating func chain() -> RotationChain? {
        guard let generation = self.generation(), let beganAt = self.timestamp(), let sentAt = self.timestamp(),
            let nextSentAt = self.optionalTimestamp(), let shownCount = self.byte(), Int(shownCount) <= RotationChain.maximumShown
        else { return nil }
        var shown: [RotationChain.Shown] = []
        for _ in 0..<shownCount {
            guard let number = self.integer(), let firstAt = self.timestamp(), let last = self.optionalTimestamp() else { return nil }
            shown.append(RotationChain.Shown(number: number, firstAt: firstAt, lastPossibleAt: last))
        }
        guard let leftCount = self.byte() else { return nil }
        var left: [RotationChain.Left] = []
        for _ in 0..<leftCount {
            guard let generation = self.generation(), let at = self.timestamp() else { return nil }
            left.append(RotationChain.Left(generation: generation, at: at))
        }
        return RotationChain(
            generation: generation,
            beganAt: beganAt,
            sentAt: sentAt,
            nextSentAt: nextSentAt,
            shown: shown,
            left: left
        )
    }

    private mutating func generation() -> UInt32? { self.integer().flatMap { UInt32(exactly: $0) } }
}
