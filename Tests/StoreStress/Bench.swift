internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import Glibc
internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

/// Measures what the operations on a store cost, one after the other on one thread.
///
/// Everything goes through the repository: names, seals and opens records of 500 bytes. A second store over the same directory stands
/// for another process.
struct Bench {
    /// The bytes of a record before it is sealed.
    static let recordByteCount = 500

    let settings: BenchSettings
    let store: FileSessionStore
    let repository: SessionRepository
    let other: SessionRepository
    let place: BenchPlace
    let now = TortureGround.now()
    let end: Timestamp
    let model: SessionRecord
    var identifiers: [SessionIdentifier] = []
    /// What each session's counter is by now.
    var counts: [UInt64] = []
    var checks = CheckList()

    init(_ settings: BenchSettings) throws {
        self.settings = settings
        self.end = self.now.advanced(by: .seconds(86_400))
        let empty = SessionRecord(count: 0, fillerByteCount: 1, at: self.now).encoded().count - 1
        self.model = SessionRecord(count: 0, fillerByteCount: Self.recordByteCount - empty, at: self.now)
        self.place = try BenchPlace(below: settings.directory)
        // So many that the sessions in use never fall on each other's places.
        let set = settings.workingSet ?? settings.sessions
        let files = min(max(set * 3, 4096), Self.raiseDescriptorLimit() - 500)
        self.store = try self.place.openStore(keptFiles: files)
        self.repository = try self.place.openRepository(self.store, cachedSessions: min(16 * set, 1 << 20))
        self.other = try self.place.openRepository(self.place.openStore(keptFiles: 64), cachedSessions: 64)
    }

    /// Lets the process have as many open files as it may.
    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return ProcessFacts.descriptorLimit ?? 1024
    }

    /// Measures and prints.
    mutating func run() async throws {
        defer { if !self.settings.leavesFiles { self.place.remove() } }
        try await self.populate()
        print(BenchMeter.head)
        try await self.measureReads()
        try await self.measureChanges()
        if self.settings.measuresSweepEffect { try await self.measureSweepEffect() }
        try await self.measureSweeps()
        try await self.measureBirthAndDeath()
        self.checks.expect(self.place.isQuiet, "something was logged")
        print("")
    }

    /// Calls per operation.
    var operations: Int { self.settings.operations ?? self.settings.sessions }

    /// The sessions that operations on kept sessions use.
    var workingSet: Int { min(self.settings.workingSet ?? self.settings.sessions, self.settings.sessions) }

    /// Whether an operation is to be measured.
    func isWanted(_ name: String) -> Bool { self.settings.only?.contains(name) ?? true }

    /// Prints a row; it counts as one check.
    mutating func report(_ meter: BenchMeter) {
        print(meter.row)
        self.checks.expect(meter.isVerified && (!meter.isEmpty || self.operations == 0), "\(meter.name) did not do its work")
    }

    private mutating func populate() async throws {
        self.identifiers = try await self.createSessions(self.settings.sessions, in: self.repository, end: self.end)
        self.counts = [UInt64](repeating: 0, count: self.settings.sessions)
    }

    /// Makes sessions that are not measured.
    func createSessions(_ count: Int, in repository: SessionRepository, end: Timestamp) async throws -> [SessionIdentifier] {
        var random = RequestRandom()
        var identifiers: [SessionIdentifier] = []
        identifiers.reserveCapacity(count)
        let keys = repository.newestKeys
        for _ in 0..<count {
            identifiers.append(
                try await repository.create(self.model, expiresAt: end, at: self.now, keys: keys, using: &random)
            )
        }
        return identifiers
    }

    /// Adds 1 to a session's counter; says what it is then.
    func increment(_ identifier: SessionIdentifier, in repository: SessionRepository) async throws -> UInt64? {
        var random = RequestRandom()
        let end = self.end
        return try await repository.change(identifier, at: self.now, using: &random) { opened in
            guard let opened else { return (.keep, nil) }
            var record = opened.record
            record.count += 1
            return (.write(record, expiresAt: end), record.count)
        }
    }
}
