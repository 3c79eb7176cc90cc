internal import ParanoidFastCGITesting
internal import FileSessionStore
internal import Glibc
internal import ParanoidLinux
internal import ParanoidSessions

/// Lets many processes work on one store, kills some of them all the time, and then checks that nothing was lost.
struct Torture {
    let directory: String
    let seconds: Int
    let processes: Int
    let threads: Int
    let killEvery: Int

    /// Runs the torture; the ground is left where it is if a check fails.
    func run() async throws -> CheckList {
        PrivateFile.makeParents(of: "\(self.directory)/.")
        let ground = TortureGround(root: try ScratchDirectory.make(in: self.directory))
        try ground.prepare()
        let chains = self.processes * TortureGround.chainsPerProcess
        try await self.plant(ground, chains: chains)

        var checks = CheckList()
        let killed = try self.hunt(ground, &checks)
        let verdict = TortureVerdict(
            ground: ground,
            serials: self.processes + killed,
            threads: self.threads,
            chains: chains,
            killed: killed
        )
        try await verdict.judge(&checks)
        if checks.failed == 0 {
            ScratchDirectory.removeTree(at: ground.root)
        } else {
            print("what is left is in \(ground.root)")
        }
        return checks
    }

    /// Makes the sessions that all processes share.
    private func plant(_ ground: TortureGround, chains: Int) async throws {
        let repository = try ground.openRepository(try ground.openStore())
        var random = SystemRandom()
        func create(_ note: String, _ fillerByteCount: Int, _ end: Timestamp) async throws {
            let record = SessionRecord(count: 0, fillerByteCount: fillerByteCount, at: TortureGround.now())
            let identifier = try await repository.create(
                record,
                expiresAt: end,
                at: TortureGround.now(),
                keys: repository.newestKeys,
                using: &random
            )
            try NoteFile(ground.note(note)).line(identifier.cookieValue)
        }
        for _ in 0..<TortureGround.counters { try await create("counters", 400, TortureGround.never) }
        for _ in 0..<16 + 8 * self.seconds { try await create("lists", 0, TortureGround.never) }
        for chain in 0..<chains { try await create("chain.\(chain).candidates", 400, TortureGround.someday) }
        for victim in 0..<TortureGround.victims { try await create("victim.\(victim).current", 300, TortureGround.someday) }
    }

    /// Starts the workers and kills them one after the other; says how many.
    private func hunt(_ ground: TortureGround, _ checks: inout CheckList) throws -> Int {
        let program = try SpawnedProcess.currentProgramPath()
        func start(_ place: Int, _ serial: Int) throws -> StressProcess {
            let numbers = [place, serial, self.processes, self.threads].map(String.init)
            return try StressProcess(program: program, arguments: ["torture-worker", ground.root] + numbers)
        }
        var workers = try (0..<self.processes).map { try start($0, $0) }
        var killed = 0
        let end = ContinuousClock.now.advanced(by: .seconds(self.seconds))
        while true {
            let pause = Duration.milliseconds(self.killEvery)
            let rest = ContinuousClock.now.duration(to: end)
            usleep(UInt32(clamping: min(pause, rest).wholeNanoseconds / 1000))
            if rest <= pause { break }
            let place = Int.random(in: 0..<self.processes)
            let status = try workers[place].kill()
            if status != .signalled(SIGKILL) { checks.expect(false, "the process at place \(place) ended by itself: \(status)") }
            workers[place] = try start(place, self.processes + killed)
            killed += 1
        }
        _ = try NoteFile(ground.stopSign)
        for (place, worker) in workers.enumerated() {
            let status = try worker.wait(seconds: 40)
            checks.expect(
                status == .exited(0),
                "the process at place \(place) did not end well: \(status.map(String.init(describing:)) ?? "it hangs")"
            )
        }
        return killed
    }
}
