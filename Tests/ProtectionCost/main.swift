internal import ParanoidLinux

// What each protection costs: CPU time per request with everything on, and with one thing switched off at a time.
//
//     protection-cost [DIRECTORY] [--short]
//
// Requests go through the session middleware, the guard, the sealed records and the files below DIRECTORY (/dev/shm, as the disk is not
// what is measured), without a web server; 16 sessions take turns, each once in a second of virtual time.
// All rows are measured in turns, round by round (26 requests of each session, in which its nonce changes twice), and each is compared with
// the first one of the same round, so that what the machine does meanwhile meets both; medians are printed. The last line is `N passed, N failed`: a row passes
// when the guard has said the same about each of its requests.

let words = CommandLine.arguments.dropFirst()
let directory = words.first { !$0.hasPrefix("--") } ?? "/dev/shm"
let isShort = words.contains("--short")

do {
    let trial = try await CostTrial(directory: directory, rounds: isShort ? 9 : 61, requests: 416)
    await trial.finish()
} catch {
    ProcessExit.fail("protection-cost: \(error)", code: 1)
}
