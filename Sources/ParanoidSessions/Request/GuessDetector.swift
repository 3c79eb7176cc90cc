/// Counts identifiers that name nothing by the network they come from, in fixed memory (pure).
///
/// Networks share places: two that meet in one count together, which can only raise an alarm too early.
struct GuessDetector: Sendable {
    /// How many in one minute make an alarm.
    static let threshold = 100
    private static let places = 256

    private struct Place: Sendable {
        var minute: Int64 = .min
        var count = 0
    }

    private var table = [Place](repeating: Place(), count: Self.places)

    /// Notes one.
    ///
    /// - Returns: The number within this minute if that makes an alarm, at every further doubling again.
    mutating func note(_ network: [UInt8], at now: Timestamp) -> Int? {
        let minute = now.nanosecondsSinceEpoch / 60_000_000_000
        let index = network.reduce(5381) { ($0 &* 33 ^ Int($1)) & 0xFFFF_FFFF } % Self.places
        if self.table[index].minute != minute { self.table[index] = Place(minute: minute) }
        self.table[index].count += 1
        let count = self.table[index].count
        guard count >= Self.threshold, count % Self.threshold == 0 else { return nil }
        let factor = count / Self.threshold
        return factor & (factor - 1) == 0 ? count : nil
    }
}
