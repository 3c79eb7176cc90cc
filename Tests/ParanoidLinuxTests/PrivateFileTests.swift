import Glibc
import ParanoidLinux
import Testing

@Suite("A private file")
struct PrivateFileTests {
    private let directory: String

    init() throws {
        let name = SystemRandom.bytes(8).map { String($0, radix: 16) }.joined()
        self.directory = "/tmp/private-file-\(name)"
        try #require(unsafe mkdir(self.directory, 0o700) == 0)
    }

    private func path(_ name: String) -> String { "\(self.directory)/\(name)" }

    private func cleanUp() {
        for name in ["secret", "link", "sub/secret"] { _ = unsafe unlink(self.path(name)) }
        _ = unsafe rmdir(self.path("sub"))
        _ = unsafe rmdir(self.directory)
    }

    @Test("is created with its directories, for its owner alone, and read back")
    func roundTrip() throws {
        defer { self.cleanUp() }
        let path = self.path("sub/secret")
        #expect(try PrivateFile.read(path) == nil)
        #expect(try PrivateFile.create(path, contents: [1, 2, 3]))
        #expect(try PrivateFile.read(path) == [1, 2, 3])
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
    }

    @Test("is not replaced when somebody else was faster")
    func exclusive() throws {
        defer { self.cleanUp() }
        let path = self.path("secret")
        #expect(try PrivateFile.create(path, contents: [1]))
        #expect(try !PrivateFile.create(path, contents: [2]))
        #expect(try PrivateFile.read(path) == [1])
    }

    @Test("is refused when others can read it", arguments: [0o644, 0o604, 0o666] as [mode_t])
    func mode(_ mode: mode_t) throws {
        defer { self.cleanUp() }
        let path = self.path("secret")
        _ = try PrivateFile.create(path, contents: [1])
        _ = unsafe chmod(path, mode)
        #expect(throws: PrivateFile.Failure.readableByOthers(permissions: UInt32(mode))) { try PrivateFile.read(path) }
    }

    @Test("of ours loses the access that its group was given", arguments: [0o640, 0o660] as [mode_t])
    func groupAccess(_ mode: mode_t) throws {
        defer { self.cleanUp() }
        let path = self.path("secret")
        _ = try PrivateFile.create(path, contents: [1])
        _ = unsafe chmod(path, mode)
        #expect(try PrivateFile.read(path) == [1])
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
    }

    @Test(
        "of root's for a group that may read it stays as it is, whoever reads it",
        .enabled(if: geteuid() == 0, "needs the right to give files away"),
        arguments: [0o440, 0o640] as [mode_t]
    )
    func ofRootForGroup(_ mode: mode_t) throws {
        defer { self.cleanUp() }
        let path = self.path("secret")
        #expect(try PrivateFile.create(path, contents: [1]))
        #expect(unsafe chown(path, 0, 10001) == 0 && chmod(path, mode) == 0)
        #expect(try PrivateFile.read(path) == [1])
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == mode)
    }

    @Test("may be a symbolic link of ours or of root's", .enabled(if: geteuid() == 0, "needs the right to give links away"))
    func links() throws {
        defer { self.cleanUp() }
        _ = try PrivateFile.create(self.path("secret"), contents: [1])
        _ = unsafe symlink(self.path("secret"), self.path("link"))
        #expect(try PrivateFile.read(self.path("link")) == [1])
        _ = unsafe lchown(self.path("link"), 65_534, 65_534)
        #expect(throws: PrivateFile.Failure.notAFile) { try PrivateFile.read(self.path("link")) }
    }

    @Test("is never a directory or a pipe")
    func kinds() throws {
        defer { self.cleanUp() }
        _ = try PrivateFile.create(self.path("secret"), contents: [1])
        #expect(throws: PrivateFile.Failure.notAFile) { try PrivateFile.read(self.directory) }
        _ = unsafe unlink(self.path("secret"))
        _ = unsafe mkfifo(self.path("secret"), 0o600)
        #expect(throws: PrivateFile.Failure.notAFile) { try PrivateFile.read(self.path("secret")) }
    }
}
