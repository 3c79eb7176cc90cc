internal import ParanoidLinux
internal import ParanoidSessions
internal import ParanoidFastCGITesting

// Rotation against honest browsers and thieves, in virtual time.
//
//     theft-simulator [--short] [PART...]         the guard alone, in this process: all parts, or some of honest, harder, everyday,
//                                                 relays, troubles, pace, strategies and every
//     theft-simulator --through PORT [--log FILE] [--short]
//                                                 the whole server: nginx on that port and `trace-server` behind it, which
//                                                 writes its log to FILE
//     theft-simulator --every [--short] [STEPS-IN-D VALUES HOLD GAP...]
//                                                 only the search over every thief there is, or one world of it
//
// The last line is `N passed, N failed`.

let words = Array(CommandLine.arguments.dropFirst())
let isShort = words.contains("--short")
let through = words.firstIndex(of: "--through").map { index in
    guard index + 1 < words.count, let port = UInt16(words[index + 1]) else {
        ProcessExit.fail("theft-simulator: --through needs a port", code: 2)
    }
    return port
}
let log = words.firstIndex(of: "--log").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }

if let through {
    NginxTrial(port: through, log: log, isShort: isShort).run().finish()
} else if words.contains("--every") {
    var checks = CheckList()
    let numbers = words.compactMap { Int($0) }
    EveryThiefTrial(isShort: isShort, only: numbers.isEmpty ? nil : numbers).run(&checks)
    checks.finish()
} else {
    let parts = words.compactMap { GuardTrial.Part(rawValue: $0) }
    GuardTrial(isShort: isShort).run(parts.isEmpty ? GuardTrial.Part.allCases : parts).finish()
}
