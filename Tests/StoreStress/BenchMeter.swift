/// Measures one operation many times.
struct BenchMeter {
    let name: String
    private var walls: [Int64] = []
    private var processor: Int64 = 0
    /// Entries that one call deals with: files of a sweep.
    private var unitsPerCall = 1
    private(set) var isVerified = true

    init(_ name: String, capacity: Int = 0) {
        self.name = name
        self.walls.reserveCapacity(capacity)
    }

    /// Calls `body` so many times and measures each call.
    mutating func run(_ count: Int, unitsPerCall: Int = 1, _ body: (Int) async throws -> Void) async rethrows {
        self.unitsPerCall = unitsPerCall
        BenchClock.mark("begin:\(self.name)")
        let processor = BenchClock.processor()
        var last = BenchClock.wall()
        for index in 0..<count {
            try await body(index)
            let now = BenchClock.wall()
            self.walls.append(now - last)
            last = now
        }
        self.processor += BenchClock.processor() - processor
        BenchClock.mark("end:\(self.name)")
    }

    /// Notes whether the work was found to be done.
    mutating func verify(_ isFulfilled: Bool) {
        if !isFulfilled { self.isVerified = false }
    }

    /// Whether anything was measured.
    var isEmpty: Bool { self.walls.isEmpty }

    /// A line of a Markdown table: operation, how many, median and 99th percentile in µs, CPU µs of each, whether it was verified.
    var row: String {
        let sorted = self.walls.sorted()
        let units = max(1, self.walls.count * self.unitsPerCall)
        let median = Self.microseconds(sorted.isEmpty ? 0 : sorted[sorted.count / 2], per: self.unitsPerCall)
        let high = Self.microseconds(sorted.isEmpty ? 0 : sorted[sorted.count * 99 / 100], per: self.unitsPerCall)
        let processor = Self.microseconds(self.processor, per: units)
        return "| \(self.name) | \(units) | \(median) | \(high) | \(processor) | \(self.isVerified ? "yes" : "NO") |"
    }

    static let head = "| operation | calls | median µs | p99 µs | CPU µs | verified |\n|---|---|---|---|---|---|"

    private static func microseconds(_ nanoseconds: Int64, per units: Int) -> String {
        let hundredths = (nanoseconds / 10 + Int64(units) / 2) / Int64(units)
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
