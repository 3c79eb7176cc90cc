import Glibc
import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Scoreboard")
struct ScoreboardTests {
    @Test("shows what another mapping of the same memory has written")
    func sharing() throws {
        let scoreboard = try Scoreboard(slots: 3)
        #expect(scoreboard.slots >= 3)
        let other = try Scoreboard(adopting: OwnedDescriptor(owning: dup(scoreboard.descriptorNumber)))
        let worker = scoreboard.slot(2, generation: 1)
        worker.state = .serving
        worker.raiseHeartbeat(now: 5, servedRequests: 9)
        worker.addOpenConnections(1)
        worker.addOpenConnections(1)
        let seen = other.slot(2, generation: 1)
        #expect(seen.state == .serving && seen.heartbeat == 1 && seen.lastSignOfLife == 5)
        #expect(seen.openConnections == 2 && seen.servedRequests == 9)
        #expect(other.slot(2, generation: 0).state == .absent)
        #expect(other.slot(1, generation: 1).openConnections == 0)
        worker.clear()
        #expect(seen.state == .absent && seen.openConnections == 0)
    }

    @Test("adds up both generations of a slot that serve, and what is on its way")
    func load() throws {
        let scoreboard = try Scoreboard(slots: 2)
        let old = scoreboard.slot(1, generation: 0)
        let new = scoreboard.slot(1, generation: 1)
        #expect(scoreboard.load(ofSlot: 1, now: 100, timeout: 10) == nil)
        for (worker, connections) in [(old, 5), (new, 2)] {
            worker.raiseHeartbeat(now: 95, servedRequests: 0)
            worker.state = .serving
            for _ in 0..<connections { worker.addOpenConnections(1) }
        }
        new.addArriving(1)
        #expect(scoreboard.load(ofSlot: 1, now: 100, timeout: 10) == 8)
        old.state = .draining
        #expect(scoreboard.load(ofSlot: 1, now: 100, timeout: 10) == 3)
        #expect(scoreboard.load(ofSlot: 1, now: 106, timeout: 10) == nil, "nobody has given a sign of life")
        new.nothingArriving()
        new.addArriving(-1)
        #expect(scoreboard.load(ofSlot: 1, now: 100, timeout: 10) == 2, "a count below zero is none")
    }

    @Test("adds up what all workers have done, those that are gone included")
    func totals() throws {
        let scoreboard = try Scoreboard(slots: 3)
        for (slot, generation) in [(0, 0), (2, 1)] {
            let worker = scoreboard.slot(slot, generation: generation)
            worker.state = .serving
            worker.raiseHeartbeat(now: 1, servedRequests: 10)
            worker.addRunningRequests(2)
            worker.addOpenConnections(1)
        }
        scoreboard.count(5)
        scoreboard.count(5)
        #expect(scoreboard.totals == WorkerTotals(workers: 2, servedRequests: 20, runningRequests: 4, openConnections: 2))
        scoreboard.retire(scoreboard.slot(2, generation: 1))
        #expect(scoreboard.totals == WorkerTotals(workers: 1, servedRequests: 20, runningRequests: 2, openConnections: 1))
        #expect(scoreboard.value(ofCounter: 5) == 2 && scoreboard.value(ofCounter: 6) == 0)
    }

    @Test("the memory of a process can be looked up")
    func memory() throws {
        #expect(try #require(ProcessFacts.residentBytes(of: CInt(ProcessFacts.processID))) > 1 << 20)
        #expect(ProcessFacts.residentBytes(of: CInt.max) == nil)
    }
}
