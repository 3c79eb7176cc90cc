import Glibc
import Synchronization
import Testing

@testable import ParanoidLinux

@Suite("A wall clock that steps")
struct ClockJumpsTests {
    private static let second: Int64 = 1_000_000_000
    private static let start: Int64 = 1_900_000_000 * second

    /// After how many seconds since the beginning, what the wall clock shows beyond them, and what counts.
    struct Step: Sendable {
        var after: Int64
        var off: Int64
        var counts: Int64

        init(_ after: Int64, off: Int64, counts: Int64) {
            self.after = after
            self.off = off
            self.counts = counts
        }
    }

    @Test(
        "is followed at once where it is corrected a little, and when it has stood by a step for ten minutes; a step back and forth is none",
        arguments: [
            ("steady", [Step(1, off: 0, counts: 0), Step(100_000, off: 0, counts: 0)]),
            ("corrected", [Step(1, off: 30, counts: 30), Step(2, off: 80, counts: 80), Step(3, off: 20, counts: 20)]),
            (
                "a year ahead for a moment",
                [Step(1, off: 31_536_000, counts: 0), Step(599, off: 31_536_000, counts: 0), Step(600, off: 0, counts: 0)]
            ),
            ("back for a moment", [Step(1, off: -90_000, counts: 0), Step(60, off: 5, counts: 5)]),
            (
                "ahead to stay",
                [
                    Step(1, off: 90_000, counts: 0), Step(600, off: 90_010, counts: 0), Step(601, off: 90_010, counts: 90_010),
                    Step(602, off: 90_010, counts: 90_010),
                ]
            ),
            ("back to stay", [Step(1, off: -90_000, counts: 0), Step(601, off: -90_000, counts: -90_000)]),
            (
                "now here, now there",
                [
                    Step(1, off: 90_000, counts: 0), Step(500, off: 50_000, counts: 0), Step(700, off: 90_000, counts: 0),
                    Step(1300, off: 90_000, counts: 90_000),
                ]
            ),
            // Nobody asked in the meantime: what was a step then is one now.
            ("asleep", [Step(1, off: 0, counts: 0), Step(90_000, off: 0, counts: 0), Step(180_000, off: 300, counts: 0)]),
        ]
    )
    func follows(_ row: (name: String, steps: [Step])) {
        var jumps = ClockStepFilter(wall: Self.start, boot: 77)
        for step in row.steps {
            let boot = 77 + step.after * Self.second
            let wall = Self.start + (step.after + step.off) * Self.second
            let before = jumps
            let time = jumps.time(wall: wall, boot: boot)
            #expect(time == Self.start + (step.after + step.counts) * Self.second, "\(row.name), \(step.after) s")
            // What asks nobody else must know that nothing is to be noted.
            #expect(before.isMet(wall: wall, boot: boot) == (before == jumps && time == wall), "\(row.name), \(step.after) s")
        }
    }

    private final class Clocks: Sendable {
        let wall = Atomic<Int64>(ClockJumpsTests.start)
        let boot = Atomic<Int64>(1_000_000_000)

        func open(in path: String, _ machineStart: UInt64 = 5) throws -> SteadyWallClock {
            try SteadyWallClock(
                in: SecureDirectory.openOrCreate(path),
                machineStart: machineStart,
                wall: { self.wall.load(ordering: .relaxed) },
                boot: { self.boot.load(ordering: .relaxed) }
            )
        }

        func pass(_ seconds: Int64, stepping step: Int64 = 0) {
            self.wall.add((seconds + step) * ClockJumpsTests.second, ordering: .relaxed)
            self.boot.add(seconds * ClockJumpsTests.second, ordering: .relaxed)
        }
    }

    @Test("is seen alike by all processes of a directory, those that start in between too, and anew after the next start of the machine")
    func shared() throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        let clocks = Clocks()
        let first = try clocks.open(in: path)
        #expect(first.nanosecondsSinceEpoch() == Self.start)
        clocks.pass(10, stepping: 1_000_000)
        #expect(first.nanosecondsSinceEpoch() == Self.start + 10 * Self.second)
        #expect(first.unconfirmedJump == 1_000_000 * Self.second)
        let second = try clocks.open(in: path)
        clocks.pass(10)
        #expect(second.nanosecondsSinceEpoch() == Self.start + 20 * Self.second)
        clocks.pass(600)
        #expect(second.nanosecondsSinceEpoch() == Self.start + 1_000_620 * Self.second)
        #expect(first.nanosecondsSinceEpoch() == Self.start + 1_000_620 * Self.second)
        #expect(first.unconfirmedJump == nil)
        clocks.pass(1, stepping: -500)
        #expect(first.nanosecondsSinceEpoch() == Self.start + 1_000_621 * Self.second)
        let afterRestart = try clocks.open(in: path, 6)
        #expect(afterRestart.nanosecondsSinceEpoch() == Self.start + 1_000_121 * Self.second)
    }

    @Test("is seen alike also after a cleaner has removed its file")
    func removed() throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        let clocks = Clocks()
        let first = try clocks.open(in: path)
        let second = try clocks.open(in: path)
        // A step that no process follows yet: one that knows nothing of it would show another time.
        clocks.pass(10, stepping: 1_000_000)
        #expect(first.nanosecondsSinceEpoch() == Self.start + 10 * Self.second)
        try SecureDirectory.openOrCreate(path).removeFile("clock")
        clocks.pass(10)
        #expect(first.nanosecondsSinceEpoch() == Self.start + 20 * Self.second)
        let third = try clocks.open(in: path)
        #expect(third.nanosecondsSinceEpoch() == Self.start + 20 * Self.second)
        #expect(second.nanosecondsSinceEpoch() == Self.start + 20 * Self.second)
        clocks.pass(600)
        for clock in [third, second, first] { #expect(clock.nanosecondsSinceEpoch() == Self.start + 1_000_620 * Self.second) }
        #expect(try SecureDirectory.openOrCreate(path).status(of: "clock") != nil)
    }

    @Test(
        "goes on after its file was cut, overwritten or replaced by something else",
        arguments: [
            ": > clock", "head -c 4096 /dev/zero > new; cat new > clock", "rm clock; mkfifo clock", "rm clock; ln -s new clock",
            "truncate -s 8192 clock", "rm clock; mkdir clock",
        ]
    )
    func spoilt(_ command: String) throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        let clocks = Clocks()
        let first = try clocks.open(in: path)
        let second = try clocks.open(in: path)
        clocks.pass(10, stepping: 1_000_000)
        for clock in [first, second] { #expect(clock.nanosecondsSinceEpoch() == Self.start + 10 * Self.second) }
        #expect(unsafe system("cd \(path) && \(command)") == 0)
        clocks.pass(10)
        for clock in [first, second] { #expect(clock.nanosecondsSinceEpoch() == Self.start + 20 * Self.second) }
        // A directory in its place stays, and the processes that had the file go on with what they know.
        if !command.hasSuffix("mkdir clock") {
            let third = try clocks.open(in: path)
            #expect(third.nanosecondsSinceEpoch() == Self.start + 20 * Self.second)
            #expect(try SecureDirectory.openOrCreate(path).status(of: "clock")?.size == 4096 || command.hasPrefix("truncate"))
        }
        clocks.pass(600)
        for clock in [first, second] { #expect(clock.nanosecondsSinceEpoch() == Self.start + 1_000_620 * Self.second) }
    }
}
