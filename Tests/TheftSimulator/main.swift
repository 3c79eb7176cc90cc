internal import ParanoidLinux
internal import ParanoidSessions
internal import ParanoidFastCGITesting

// Rotation against honest browsers and thieves, in virtual time.
//
//     theft-simulator [--short]                   the guard alone, in this process
//     theft-simulator --through PORT [--short]    the whole server: nginx on that port and `trace-server` behind it
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

if let through {
    NginxTrial(port: through, isShort: isShort).run().finish()
} else {
    GuardTrial(isShort: isShort).run().finish()
}
