internal import ParanoidLinux

/// Short texts about what a worker does at this moment, on the ``Scoreboard``: a row for each, which the worker begins, changes and ends.
///
/// The supervisor shows them and knows nothing of what they say. A worker that dies leaves its rows; they say what it was doing.
package struct ScoreboardRows: Sendable {
    /// How many rows a worker has; what it does beyond that is not shown.
    package static let count = 64
    /// More bytes of a text are cut off.
    package static let textByteCount = 112

    /// Two cache lines: a number that is odd while the row is written, when the row began (0: it is free), and the text.
    static let wordsPerRow = 16
    static let wordCount = Self.count * Self.wordsPerRow
    private static let textWords = 2..<Self.wordsPerRow

    /// A row as it was read.
    package struct Row: Sendable, Hashable {
        /// When it began (`CoarseClock.now()`).
        package let since: Int64
        /// The text.
        package let text: String
    }

    /// A text in the making, without memory of its own; what is too long is cut off.
    package struct Text: Sendable {
        fileprivate var words = InlineArray<14, UInt64>(repeating: 0)
        fileprivate private(set) var count = 0

        package init() {}

        /// Appends a text.
        package mutating func append(_ text: String) { unsafe self.append(text.utf8.span.bytes) }

        /// Appends bytes.
        package mutating func append(_ bytes: RawSpan) {
            let kept = min(bytes.byteCount, ScoreboardRows.textByteCount - self.count)
            var words = self.words.mutableSpan
            unsafe words.withUnsafeMutableBytes { room in
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: room[self.count...]).copyMemory(from: .init(rebasing: bytes[..<kept]))
                }
            }
            self.count += kept
        }

        /// Appends a byte.
        package mutating func append(_ byte: UInt8) {
            guard self.count < ScoreboardRows.textByteCount else { return }
            self.words[self.count / 8] |= UInt64(byte) << UInt64(self.count % 8 * 8)
            self.count += 1
        }
    }

    private let page: SharedMemory
    private let first: Int

    init(page: SharedMemory, first: Int) {
        self.page = page
        self.first = first
    }

    /// Writes a row; only the worker whose row it is may, and for one row only one thread at a time.
    package func write(_ row: Int, since: Int64, text: borrowing Text) {
        let place = self.place(row)
        let mark = self.page.add(1, at: place)
        if mark & 1 == 0 { self.page.add(1, at: place) }
        self.page.storeReleasing(UInt64(bitPattern: since), at: place + 1)
        // Up to its end, which a zero marks: what an earlier and longer text has left behind it is not read.
        for index in 0..<min(text.count / 8 + 1, Self.textWords.count) {
            self.page.storeReleasing(text.words[index], at: place + Self.textWords.lowerBound + index)
        }
        self.page.add(1, at: place)
    }

    /// Leaves a row as a writer does that dies in the middle, for tests.
    func markWritten(_ row: Int) { self.page.add(1, at: self.place(row)) }

    /// Ends a row.
    package func end(_ row: Int) {
        self.page.store(0, at: self.place(row) + 1)
    }

    /// The rows that have begun and not ended, the oldest first; one that is being written is left out.
    package var all: [Row] {
        (0..<Self.count).compactMap { self.row($0) }.sorted { ($0.since, $0.text) < ($1.since, $1.text) }
    }

    /// The text of a row that has begun.
    package func text(ofRow row: Int) -> String? { self.row(row)?.text }

    /// Ends all rows.
    func clear() {
        for row in 0..<Self.count where self.page.load(self.place(row) + 1) != 0 { self.end(row) }
    }

    private func row(_ row: Int) -> Row? {
        let place = self.place(row)
        let mark = self.page.load(place)
        let since = self.page.load(place + 1)
        guard since != 0, mark & 1 == 0 else { return nil }
        var bytes: [UInt8] = []
        for word in Self.textWords {
            let value = self.page.load(place + word)
            for shift in 0..<8 { bytes.append(Self.shown(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift)))) }
        }
        guard self.page.load(place) == mark, self.page.load(place + 1) == since else { return nil }
        return Row(since: Int64(bitPattern: since), text: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    }

    /// A byte that can do nothing to a terminal, whatever a worker has written.
    private static func shown(_ byte: UInt8) -> UInt8 {
        byte == 0 || 0x20...0x7E ~= byte ? byte : UInt8(ascii: "?")
    }

    private func place(_ row: Int) -> Int {
        precondition(0..<Self.count ~= row, "no such row")
        return self.first + row * Self.wordsPerRow
    }
}
