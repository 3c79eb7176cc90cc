import ParanoidLinux
import Testing
import WorkerSupervisor

@testable import ParanoidFastCGI

@Suite("The memory that workers are allowed")
struct MemoryBudgetTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var workers = 4
        /// MiB.
        var perWorker: Int?
        var limit: Int?
        var used: Int?
        var running = 0
        var maximum: Int?
        /// The settings that mend what is found.
        var found: [String] = []

        var testDescription: String { self.name }
    }

    @Test(
        "is compared with what they may need and with what they use",
        arguments: [
            Case(name: "no limit", workers: 200, perWorker: 1 << 20),
            Case(name: "room for all and a successor", perWorker: 100, limit: 500),
            Case(name: "no room for the successor", perWorker: 101, limit: 500, found: ["PARANOID_WORKER_MEMORY=104857600"]),
            Case(name: "an allowance beyond all numbers", perWorker: 1 << 30, limit: 500, found: ["PARANOID_WORKER_MEMORY=104857600"]),
            Case(name: "too many workers", workers: 31, limit: 256, found: ["PARANOID_WORKERS=7"]),
            Case(name: "two workers in little room", workers: 2, limit: 40),
            Case(
                name: "both",
                workers: 31,
                perWorker: 64,
                limit: 256,
                found: ["PARANOID_WORKERS=7, or a higher limit of memory", "PARANOID_WORKERS=7"]
            ),
            Case(name: "half is used", limit: 500, used: 250, running: 4),
            Case(name: "nearly all is used", limit: 500, used: 451, running: 4, found: ["PARANOID_WORKER_MEMORY=104857600"]),
            Case(name: "used by somebody whom nobody knows", limit: 500, used: 499),
            Case(name: "a worker of more that may come", limit: 500, used: 150, running: 1, maximum: 4, found: ["PARANOID_WORKER_MEMORY="]),
            Case(name: "one process", workers: 0, perWorker: 600, limit: 500, used: 100, running: 1),
            Case(name: "one process that is nearly too big", workers: 0, limit: 500, used: 490, running: 1, found: ["a higher limit"]),
        ]
    )
    func table(_ row: Case) throws {
        var configuration = ApplicationConfiguration(stateDirectory: "/s")
        configuration.workers = row.workers
        configuration.workerMemoryLimit = row.perWorker.map { $0 << 20 }
        if let maximum = row.maximum { (configuration.scaling, configuration.maximumWorkers) = (.dynamic, maximum) }
        var surroundings = Doctor.Surroundings(isRoot: false, descriptorLimit: nil, processors: 64, now: 1_800_000_000)
        surroundings.take(memory: "\(row.limit.map { "\($0 << 20)" } ?? "-") \(row.used.map { "\($0 << 20)" } ?? "-") \(row.running)\n")
        let limit = surroundings.memory
        #expect(limit == row.limit.map { UsableMemory.Limit(bytes: $0 << 20, used: row.used.map { $0 << 20 }) })
        let budget = MemoryBudget(configuration, limit: limit)
        let found = [budget?.allowed, budget?.share, budget?.observed(running: surroundings.runningWorkers)].compactMap { $0 }
        #expect(found.count == row.found.count)
        for (problem, change) in zip(found, row.found) { #expect(problem.change.contains(change), "\(problem)") }
        let findings = Doctor(configuration, surroundings: surroundings).findings()
        for problem in found { #expect(findings.contains { $0.problem == problem.text && $0.gravity == .warning }) }
    }

    @Test("is part of every form of the status, where there is a limit")
    func status() throws {
        let context = try WorkerContext(alone: {})
        func board(_ limits: [UsableMemory.Limit]) -> StatusBoard {
            StatusBoard(context.scoreboard, supervisor: nil, routes: []) { UsableMemory(machine: 1 << 40, limits: limits) }
        }
        let limited = board([.init(bytes: 512 << 20, used: 480 << 20)])
        #expect(limited.report.text.contains("\nmemory: 480 MiB of 512 MiB that are allowed\n"))
        #expect(limited.report.json.text.contains(#""memory":{"limit_bytes":536870912,"used_bytes":503316480}"#))
        #expect(limited.report.html.contains("<div class=\"tile warn\"><b>480 MiB</b><span>of 512 MiB of memory that are allowed</span>"))
        #expect(limited.report.metrics(.openMetrics).contains("\nparanoid_memory_limit_bytes 536870912\n"))
        #expect(limited.report.metrics(.openMetrics).contains("\nparanoid_memory_used_bytes 503316480\n"))
        #expect(limited.response(.page(path: "/memory", [])).body == "536870912 503316480 1\n")
        let free = board([])
        #expect(free.report.memory == nil && !free.report.text.contains("memory:") && free.report.json.text.contains(#""memory":null"#))
        #expect(free.response(.page(path: "/memory", [])).body == "- - 1\n")
    }
}
