internal import ParanoidFastCGITesting
internal import ParanoidLinux
internal import ParanoidSessions

/// All variants, measured in turns.
struct CostTrial {
    private let subjects: [CostSubject]
    private let root: String
    private let sweepMicroseconds: Double

    init(directory: String, rounds: Int, requests: Int) async throws {
        let root = try ScratchDirectory.make(in: directory)
        self.root = root
        let variants = CostVariant.all(.read) + CostVariant.all(.write) + CostVariant.others
        self.subjects = try variants.enumerated().map { try CostSubject($1, directory: "\(root)/\($0)") }
        for subject in self.subjects { try await subject.prepare() }
        for round in 0..<rounds {
            // Each round begins with another one, so that none is always the first after a pause.
            for place in self.subjects.indices {
                try await self.subjects[(place + round) % self.subjects.count].measure(requests)
            }
        }
        for subject in self.subjects { try await subject.verify() }
        self.sweepMicroseconds = try await Self.measureSweep("\(root)/sweep", rounds: rounds)
    }

    /// The CPU time that a sweep takes for each file that stays.
    private static func measureSweep(_ directory: String, rounds: Int) async throws -> Double {
        let subject = try CostSubject(CostVariant("swept", .read), sessions: 8000, directory: directory)
        try await subject.prepare()
        var examined = 0
        let start = CostClock.processor()
        for _ in 0..<rounds { examined += try await subject.store.sweep(expiredAt: subject.clock.time, budget: .max).examined }
        return examined == 0 ? .nan : Double(CostClock.processor() - start) / Double(examined) / 1000
    }

    /// Prints the tables and ends the program.
    func finish() async -> Never {
        ScratchDirectory.removeTree(at: self.root)
        var checks = CheckList()
        for subject in self.subjects {
            checks.expect(subject.refusals == 0, "\(subject.variant.name): \(subject.refusals) requests were not accepted")
        }
        self.print(.read, "the handler reads a value")
        self.print(.write, "the handler changes a value, which is one locked commit")
        Swift.print("\n| beside | µs per request |\n|---|---|")
        for subject in self.subjects.suffix(CostVariant.others.count) {
            let what = subject.variant.use == .write ? " (changing)" : ""
            Swift.print("| \(subject.variant.name)\(what) | \(Self.rounded(subject.microseconds)) |")
        }
        Swift.print("| a sweep, for each file that stays | \(Self.rounded(self.sweepMicroseconds)) |")
        checks.expect(self.sweepMicroseconds > 0, "nothing was swept")
        checks.finish()
    }

    private func print(_ use: CostVariant.Use, _ title: String) {
        let names = Set(CostVariant.all(use).map(\.name))
        let rows = self.subjects.filter { $0.variant.use == use && names.contains($0.variant.name) }
        guard let whole = rows.first?.microseconds else { return }
        Swift.print("\n| \(title) | µs per request | costs µs | share |\n|---|---|---|---|")
        for row in rows {
            guard row !== rows[0] else {
                Swift.print("| \(row.variant.name) | \(Self.rounded(whole)) | | |")
                continue
            }
            let saved = 1 - row.share(of: rows[0])
            Swift.print(
                "| \(row.variant.name) | \(Self.rounded(whole * (1 - saved))) | \(Self.rounded(whole * saved)) | "
                    + "\(Int((saved * 100).rounded())) % |"
            )
        }
    }

    private static func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
