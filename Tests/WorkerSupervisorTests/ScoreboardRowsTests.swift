import Glibc
import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Rows of the scoreboard")
struct ScoreboardRowsTests {
    private func write(_ text: String, _ rows: ScoreboardRows, row: Int, since: Int64) {
        var written = ScoreboardRows.Text()
        written.append(text)
        rows.write(row, since: since, text: written)
    }

    @Test("are read by another mapping of the same memory, the oldest first, until they end")
    func sharing() throws {
        let scoreboard = try Scoreboard(slots: 2)
        let other = try Scoreboard(adopting: OwnedDescriptor(owning: dup(scoreboard.descriptorNumber)))
        let rows = scoreboard.rows(1, generation: 1)
        self.write("GET /late", rows, row: 0, since: 9)
        self.write("GET /early", rows, row: 63, since: 5)
        let seen = other.rows(1, generation: 1)
        #expect(seen.all.map(\.text) == ["GET /early", "GET /late"] && seen.all.map(\.since) == [5, 9])
        #expect(other.rows(1, generation: 0).all.isEmpty && other.rows(0, generation: 1).all.isEmpty)
        #expect(other.slot(1, generation: 1).servedRequests == 0, "rows are not in the place of numbers")
        rows.end(63)
        #expect(seen.all.map(\.text) == ["GET /late"] && seen.text(ofRow: 63) == nil)
        rows.clear()
        #expect(seen.all.isEmpty)
    }

    @Test("hold texts up to their length and cut longer ones", arguments: [0, 1, 7, 8, 9, 111, 112, 113, 500])
    func lengths(_ count: Int) throws {
        let rows = try Scoreboard(slots: 1).rows(0, generation: 0)
        self.write(String(repeating: "y", count: 112), rows, row: 0, since: 1)
        self.write(String(repeating: "x", count: count), rows, row: 0, since: 1)
        #expect(rows.all.map(\.text) == [String(repeating: "x", count: min(count, 112))])
    }

    @Test("are made of texts and bytes, and show nothing that does something to a terminal", arguments: [0, 3, 8, 107, 112])
    func bytes(_ count: Int) throws {
        let rows = try Scoreboard(slots: 1).rows(0, generation: 0)
        var text = ScoreboardRows.Text()
        text.append(String(repeating: "x", count: count))
        for byte in [0x1B, 0x5B, 0x80, 0x7F, 0x0A] as [UInt8] { text.append(byte) }
        rows.write(0, since: 1, text: text)
        #expect(rows.all.map(\.text) == [String((String(repeating: "x", count: count) + "?[???").prefix(112))])
    }

    @Test("of a writer that died in the middle are left out until they are written anew")
    func torn() throws {
        let scoreboard = try Scoreboard(slots: 1)
        let rows = scoreboard.rows(0, generation: 0)
        self.write("before", rows, row: 0, since: 1)
        rows.markWritten(0)
        #expect(rows.all.isEmpty)
        self.write("after", rows, row: 0, since: 2)
        #expect(rows.all.map(\.text) == ["after"])
    }

    @Test("of a program of another version are not adopted")
    func versions() throws {
        let memory = try SharedMemory(memoryFor: 100_000)
        #expect(throws: SystemCallError.self) {
            try Scoreboard(adopting: OwnedDescriptor(owning: dup(memory.descriptorNumber)))
        }
    }
}
