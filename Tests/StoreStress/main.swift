internal import ParanoidFastCGITesting
internal import ParanoidLinux

// Hard tests of the store of session files, and its costs.
//
//     store-stress torture DIRECTORY SECONDS [PROCESSES=8] [THREADS=8] [KILL_EVERY_MS=200]
//     store-stress bench DIRECTORY [SESSIONS=10000] [--operations N] [--only ROW,…] [--working-set N] [--sweep-effect] [--leave]
//
// Both make a directory of their own below DIRECTORY. The last line is `N passed, M failed`.

let words = Array(CommandLine.arguments.dropFirst())

/// The number at a place of the command line.
func number(_ place: Int, default standard: Int? = nil, atLeast minimum: Int = 1) -> Int {
    guard place < words.count else {
        guard let standard else { ProcessExit.fail("store-stress: something is missing; see Tests/StoreStress/main.swift", code: 2) }
        return standard
    }
    guard let number = Int(words[place]), number >= minimum else {
        ProcessExit.fail("store-stress: \(words[place]) is not a number", code: 2)
    }
    return number
}

do {
    switch words.first {
    case "torture" where words.count >= 3:
        let torture = Torture(
            directory: words[1],
            seconds: number(2),
            processes: number(3, default: 8),
            threads: number(4, default: 8),
            killEvery: number(5, default: 200)
        )
        try await torture.run().finish()
    case "torture-worker" where words.count == 6:
        let ground = TortureGround(root: words[1])
        try await TortureWorker(
            ground: ground,
            place: number(2, atLeast: 0),
            serial: number(3, atLeast: 0),
            processes: number(4),
            threads: number(5)
        ).run()
    case "bench":
        guard let settings = BenchSettings(words.dropFirst()) else { fallthrough }
        var bench = try Bench(settings)
        try await bench.run()
        bench.checks.finish()
    case "bench-sweeper" where words.count == 2:
        try await Bench.sweepOn(words[1])
    default:
        ProcessExit.fail("usage: store-stress torture|bench DIRECTORY …; see Tests/StoreStress/main.swift", code: 2)
    }
} catch {
    ProcessExit.fail("store-stress: \(error)", code: 1)
}
