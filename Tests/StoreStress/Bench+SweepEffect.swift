internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import Glibc
internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

// What requests feel of a sweep.
extension Bench {
    /// Reads and commits while nobody sweeps, and while another process does without a pause.
    mutating func measureSweepEffect() async throws {
        try await self.measureRequests("-unswept")
        let program = try SpawnedProcess.currentProgramPath()
        let sweeper = try StressProcess(program: program, arguments: ["bench-sweeper", self.place.sessions])
        try await self.measureRequests("-while-sweeping")
        self.checks.expect(try sweeper.kill() == .signalled(ProcessSignal.kill.number), "the sweeper ended by itself")
    }

    private mutating func measureRequests(_ suffix: String) async throws {
        var generator = MixingGenerator(seed: 1)
        let order = (0..<self.operations).map { _ in Int(generator.next() % UInt64(self.workingSet)) }
        for index in 0..<self.workingSet { _ = try await self.repository.open(self.identifiers[index], at: self.now) }
        var reads = BenchMeter("read\(suffix)", capacity: order.count)
        var sum: UInt64 = 0
        try await reads.run(order.count) {
            sum += try await self.repository.open(self.identifiers[order[$0]], at: self.now)?.record.count ?? 0
        }
        reads.verify(sum == order.reduce(0) { $0 + self.counts[$1] })
        self.report(reads)
        var commits = BenchMeter("commit\(suffix)", capacity: order.count)
        try await commits.run(order.count) { _ = try await self.increment(self.identifiers[order[$0]], in: self.repository) }
        for index in order { self.counts[index] += 1 }
        for index in Set(order) {
            commits.verify(try await self.other.open(self.identifiers[index], at: self.now)?.record.count == self.counts[index])
        }
        self.report(commits)
    }

    /// Sweeps without a pause, until it is killed or its parent is gone.
    static func sweepOn(_ directory: String) async throws {
        let store = try FileSessionStore(configuration: .init(directory: directory), logger: .init(label: "sweeper"))
        let parent = getppid()
        while getppid() == parent { _ = try await store.sweep(expiredAt: .distantPast, budget: 1000) }
    }
}
