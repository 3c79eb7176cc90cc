#if Redis
/// Who has changed a session lately, and with which of their changes.
///
/// It stands behind the session in Redis. A process whose reply was lost asks again, and finds its change here also when others have changed the
/// session since: so it neither makes it twice nor gives it up. Each process has one change of a session under way at a time.
struct RecentWriters: Sendable, Equatable {
    /// A process's last change.
    struct Entry: Sendable, Equatable {
        static let byteCount = 20

        /// What the change has made the session's generation; the lower half.
        let generation: UInt32
        /// When, in seconds since 1970.
        let second: UInt32
        let change: Change
    }

    /// A change that no other has in common with it.
    struct Change: Sendable, Equatable {
        /// The store that makes it, by a number that it has drawn.
        let writer: UInt64
        /// Which of its changes it is.
        let number: UInt32
    }

    /// What is known of a change.
    enum Trace: Equatable {
        case made, notMade
        /// So many others have made one since that nobody knows.
        case forgotten
    }

    /// How many processes are remembered.
    static let most = 16

    /// The youngest last.
    private(set) var entries: [Entry] = []

    init() {}

    /// How long a process may ask for a change of its own, in seconds.
    ///
    /// Clocks may differ by a minute, and an operation may wait for others before its own time begins.
    static func lifetime(timeout: Duration, lockTimeout: Duration) -> UInt32 {
        let (own, others) = (min(timeout.components.seconds, 1 << 30), min(lockTimeout.components.seconds, 1 << 30))
        return UInt32(clamping: min(60 + 2 * (own + 1) + others + 1, Int64(Int32.max)))
    }

    /// Those that made a session what it is, and one that changes it now.
    ///
    /// - Parameter lifetime: How long a process may ask for a change of its own, in seconds.
    func adding(_ change: Change, generation: UInt64, second: UInt32, lifetime: UInt32) -> Self {
        var next = self
        next.entries.removeAll {
            $0.change.writer == change.writer || Int32(truncatingIfNeeded: second &- $0.second) > Int32(clamping: lifetime)
        }
        next.entries.append(Entry(generation: UInt32(truncatingIfNeeded: generation), second: second, change: change))
        next.entries = next.entries.suffix(Self.most)
        return next
    }

    /// Whether a change was made that would have made this generation.
    func trace(of change: Change, generation: UInt64) -> Trace {
        if let entry = self.entries.first(where: { $0.change.writer == change.writer }) { return entry.change == change ? .made : .notMade }
        guard self.entries.count == Self.most else { return .notMade }
        let own = UInt32(truncatingIfNeeded: generation)
        return self.entries.allSatisfy { Int32(bitPattern: $0.generation &- own) > 0 } ? .forgotten : .notMade
    }

    // MARK: Bytes

    /// Reads what ``bytes`` has written; `nil` for anything else.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count % Entry.byteCount == 0, bytes.count <= Self.most * Entry.byteCount else { return nil }
        func number<Number: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, as: Number.Type) -> Number {
            bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
        }
        for begin in stride(from: bytes.startIndex, to: bytes.endIndex, by: Entry.byteCount) {
            let entry = bytes[begin..<(begin + Entry.byteCount)]
            self.entries.append(
                Entry(
                    generation: number(entry.prefix(4), as: UInt32.self),
                    second: number(entry.dropFirst(4).prefix(4), as: UInt32.self),
                    change: Change(
                        writer: number(entry.dropFirst(8).prefix(8), as: UInt64.self),
                        number: number(entry.suffix(4), as: UInt32.self)
                    )
                )
            )
        }
    }

    /// 20 bytes for each.
    var bytes: [UInt8] {
        func write(_ number: some FixedWidthInteger, into bytes: inout [UInt8]) {
            for place in (0..<(number.bitWidth / 8)).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
        }
        var bytes: [UInt8] = []
        for entry in self.entries {
            write(entry.generation, into: &bytes)
            write(entry.second, into: &bytes)
            write(entry.change.writer, into: &bytes)
            write(entry.change.number, into: &bytes)
        }
        return bytes
    }
}
#endif
