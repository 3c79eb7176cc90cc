import Glibc
import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Board")
struct WorkerBoardTests {
    @Test("shows what another mapping of the same memory has written")
    func sharing() throws {
        let board = try Scoreboard(slots: 3)
        #expect(board.slots >= 3)
        let other = try Scoreboard(adopting: OwnedDescriptor(owning: dup(board.descriptorNumber)))
        let row = board.row(slot: 2, half: 1)
        row.state = .serving
        row.beat(now: 5, servedRequests: 9)
        row.addOpenConnections(1)
        row.addOpenConnections(1)
        let seen = other.row(slot: 2, half: 1)
        #expect(seen.state == .serving && seen.heartbeat == 1 && seen.lastSignOfLife == 5)
        #expect(seen.openConnections == 2 && seen.servedRequests == 9)
        #expect(other.row(slot: 2, half: 0).state == .absent)
        #expect(other.row(slot: 1, half: 1).openConnections == 0)
        row.clear()
        #expect(seen.state == .absent && seen.openConnections == 0)
    }

    @Test("adds up both generations of a slot that serve, and what is on its way")
    func load() throws {
        let board = try Scoreboard(slots: 2)
        let old = board.row(slot: 1, half: 0)
        let new = board.row(slot: 1, half: 1)
        #expect(board.load(ofSlot: 1, now: 100, timeout: 10) == nil)
        for (row, connections) in [(old, 5), (new, 2)] {
            row.beat(now: 95, servedRequests: 0)
            row.state = .serving
            for _ in 0..<connections { row.addOpenConnections(1) }
        }
        new.addArriving(1)
        #expect(board.load(ofSlot: 1, now: 100, timeout: 10) == 8)
        old.state = .draining
        #expect(board.load(ofSlot: 1, now: 100, timeout: 10) == 3)
        #expect(board.load(ofSlot: 1, now: 106, timeout: 10) == nil, "nobody has given a sign of life")
        new.nothingArriving()
        new.addArriving(-1)
        #expect(board.load(ofSlot: 1, now: 100, timeout: 10) == 2, "a count below zero is none")
    }

    @Test("adds up what all workers have done, those that are gone included")
    func totals() throws {
        let board = try Scoreboard(slots: 3)
        for (slot, half) in [(0, 0), (2, 1)] {
            let row = board.row(slot: slot, half: half)
            row.state = .serving
            row.beat(now: 1, servedRequests: 10)
            row.set(runningRequests: 2)
            row.addOpenConnections(1)
        }
        board.count(5)
        board.count(5)
        #expect(board.totals == WorkerTotals(workers: 2, servedRequests: 20, runningRequests: 4, openConnections: 2))
        board.retire(board.row(slot: 2, half: 1))
        #expect(board.totals == WorkerTotals(workers: 1, servedRequests: 20, runningRequests: 2, openConnections: 1))
        #expect(board.value(ofCounter: 5) == 2 && board.value(ofCounter: 6) == 0)
    }

    @Test("the memory of a process can be looked up")
    func memory() throws {
        #expect(try #require(ProcessMemory.residentBytes(of: CInt(ProcessFacts.processID))) > 1 << 20)
        #expect(ProcessMemory.residentBytes(of: CInt.max) == nil)
    }
}
