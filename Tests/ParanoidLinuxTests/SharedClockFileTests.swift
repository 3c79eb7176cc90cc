import Glibc
import ParanoidLinux
import Testing

@Suite("The file of the clock")
struct SharedClockFileTests {
    private func facts(_ path: String) -> (mode: UInt32, inode: UInt64)? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? (facts.st_mode & 0o7777, UInt64(facts.st_ino)) : nil
    }

    @Test("loses the access that its group was given, and is made anew when all can write it")
    func group() throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        let file = "\(path)/clock"
        let first = try SteadyWallClock(in: SecureDirectory.openOrCreate(path))
        let inode = try #require(self.facts(file)).inode
        try #require(unsafe chmod(file, 0o660) == 0)
        _ = try SteadyWallClock(in: SecureDirectory.openOrCreate(path))
        #expect(try #require(self.facts(file)) == (0o600, inode))
        try #require(unsafe chmod(file, 0o666) == 0)
        _ = try SteadyWallClock(in: SecureDirectory.openOrCreate(path))
        let after = try #require(self.facts(file))
        #expect(after.mode == 0o600 && after.inode != inode)
        _ = first.nanosecondsSinceEpoch()
    }
}
