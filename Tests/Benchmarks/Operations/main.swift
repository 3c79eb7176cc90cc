internal import ParanoidLinux

// One operation, a given number of times, for counting what it computes: Tests/Benchmarks/count.py runs this under callgrind.
//
//     operation-count                  names the operations
//     operation-count NAME COUNT       runs one of them

let words = Array(CommandLine.arguments.dropFirst())
do {
    if words.isEmpty {
        for name in Operation.allCases { print(name.rawValue) }
    } else if words.count == 2, let operation = Operation(rawValue: words[0]), let count = Int(words[1]) {
        try await operation.run(count)
    } else {
        ProcessExit.fail("operation-count: NAME COUNT, or nothing", code: 2)
    }
} catch {
    ProcessExit.fail("operation-count: \(error)", code: 1)
}
