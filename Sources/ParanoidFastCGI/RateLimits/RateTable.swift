internal import ParanoidLinux

/// Counts requests by a key in memory that all workers share, for a limit in a sliding window of time.
///
/// The table does not grow: each key has a place in each of four rows, and keys share places. The lowest of a key's four counts is at least its own and
/// hardly more as long as there are fewer keys in a window than an eighth of the places in a row. Sharing can refuse a request too early and never too late.
///
/// A place counts two windows, this one and the last, whose count weighs as much as the part of it that the sliding window still covers. A word is the
/// number of a window (40 bits) and the count in it (24 bits), so that one atomic maximum begins a new window.
struct RateTable: Sendable {
    static let rows = 4
    static let width = 16_384
    /// The number of the machine's start, and two words of the key.
    private static let headerWords = 4
    static let byteCount =
        (Self.headerWords + Self.rows * Self.width * 2) * 8 / SharedMemory.byteCount * SharedMemory.byteCount + SharedMemory.byteCount

    private static let countBits: UInt64 = 24
    private static let countMask: UInt64 = (1 << Self.countBits) - 1
    /// The greatest limit; with the requests that race for the last places, a count does not reach the number of its window.
    static let greatestLimit = 1_000_000

    private let page: SharedMemory
    private let hash: SipHash

    /// Takes memory into use; what was counted before the machine started means nothing, and goes.
    ///
    /// The first process of an application does this before it has workers.
    init(_ page: SharedMemory, machineStart: UInt64) {
        if page.load(0) != machineStart || page.load(1) == 0 {
            for index in Self.headerWords..<page.wordCount where page.load(index) != 0 { page.store(0, at: index) }
            var random = SystemRandom()
            page.store(random.next() | 1, at: 1)
            page.store(random.next(), at: 2)
            page.store(machineStart, at: 0)
        }
        self.page = page
        self.hash = SipHash(page.load(1), page.load(2))
    }

    private struct Row {
        let current: Int
        let count: UInt64
        let former: UInt64
    }

    /// Counts one request, unless there are too many.
    ///
    /// - Parameters:
    ///   - key: Whose request it is.
    ///   - limit: How many a window may have.
    ///   - window: Nanoseconds.
    ///   - now: Nanoseconds on a clock that does not step, since the machine started at most.
    /// - Returns: `nil` when it is counted; else after how many nanoseconds there is room for one, as far as that is known now.
    func take(_ key: [UInt8], limit: Int, window: Int64, now: Int64) -> Int64? {
        let number = UInt64(now / window)
        let part = Double(now % window) / Double(window)
        let hash = self.hash.value(of: key)
        var rows = InlineArray<4, Row>(repeating: Row(current: 0, count: 0, former: 0))
        var least = Double.infinity
        var best = 0
        for index in rows.indices {
            let place = Int(truncatingIfNeeded: hash >> UInt64(16 * index)) & (Self.width - 1)
            let first = Self.headerWords + (index * Self.width + place) * 2
            let current = first + Int(number & 1)
            rows[index] = Row(
                current: current,
                count: self.count(at: current, in: number),
                former: number == 0 ? 0 : self.count(at: first + Int((number & 1) ^ 1), in: number - 1)
            )
            let load = Self.load(rows[index], part)
            if load < least {
                least = load
                best = index
            }
        }
        guard least + 1 <= Double(limit) else { return Self.wait(rows[best], limit, part, window) }
        // All rows count, the last one first, and are read from the first on: so the first one is never ahead of the others, and all who
        // count a key that shares no place decide by its count there, each by a number of its own.
        var counted: UInt64 = 0
        for index in rows.indices.reversed() {
            self.page.raise(to: number << Self.countBits, at: rows[index].current)
            let value = self.page.add(1, at: rows[index].current) & Self.countMask
            if index == best { counted = value }
        }
        // Others may have counted since this look.
        let former = rows[best].former
        guard Double(counted) + Double(former) * (1 - part) <= Double(limit) else {
            return Self.wait(Row(current: 0, count: counted, former: former), limit, part, window)
        }
        return nil
    }

    private func count(at index: Int, in window: UInt64) -> UInt64 {
        let word = self.page.load(index)
        return word >> Self.countBits == window ? word & Self.countMask : 0
    }

    private static func load(_ row: Row, _ part: Double) -> Double { Double(row.count) + Double(row.former) * (1 - part) }

    private static func wait(_ row: Row, _ limit: Int, _ part: Double, _ window: Int64) -> Int64 {
        let room = Double(limit - 1)
        let parts: Double
        if Double(row.count) <= room, row.former > 0 {
            parts = 1 - (room - Double(row.count)) / Double(row.former) - part
        } else {
            parts = 1 - part + max(0, 1 - room / Double(max(row.count, 1)))
        }
        return Int64(max(0, parts) * Double(window)) + 1
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012): without its key nobody finds two inputs that share a value.
struct SipHash: Sendable {
    private let key: (UInt64, UInt64)

    init(_ first: UInt64, _ second: UInt64) {
        self.key = (first, second)
    }

    func value(of bytes: [UInt8]) -> UInt64 {
        var state = State(
            v0: self.key.0 ^ 0x736F_6D65_7073_6575,
            v1: self.key.1 ^ 0x646F_7261_6E64_6F6D,
            v2: self.key.0 ^ 0x6C79_6765_6E65_7261,
            v3: self.key.1 ^ 0x7465_6462_7974_6573
        )
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word |= UInt64(byte) << UInt64(8 * (index & 7))
            if index & 7 == 7 {
                state.take(word)
                word = 0
            }
        }
        state.take(word | UInt64(truncatingIfNeeded: bytes.count) << 56)
        state.v2 ^= 0xFF
        for _ in 0..<4 { state.turn() }
        return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }

    private struct State {
        var v0, v1, v2, v3: UInt64

        mutating func take(_ word: UInt64) {
            self.v3 ^= word
            self.turn()
            self.turn()
            self.v0 ^= word
        }

        mutating func turn() {
            self.v0 &+= self.v1
            self.v1 = Self.left(self.v1, 13) ^ self.v0
            self.v0 = Self.left(self.v0, 32)
            self.v2 &+= self.v3
            self.v3 = Self.left(self.v3, 16) ^ self.v2
            self.v0 &+= self.v3
            self.v3 = Self.left(self.v3, 21) ^ self.v0
            self.v2 &+= self.v1
            self.v1 = Self.left(self.v1, 17) ^ self.v2
            self.v2 = Self.left(self.v2, 32)
        }

        private static func left(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
    }
}
