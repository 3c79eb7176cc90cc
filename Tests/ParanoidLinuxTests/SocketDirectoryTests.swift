import Glibc
import Testing

@testable import ParanoidLinux

@Suite("The directory of a unix socket")
struct SocketDirectoryTests {
    private typealias Permissions = UnixSocketFile.Permissions

    private func facts(_ path: String) -> (mode: UInt32, group: UInt32)? {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 ? (facts.st_mode & 0o7777, facts.st_gid) : nil
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        // As a directory for run-time files is: everybody may enter.
        try #require(unsafe chmod(path, 0o755) == 0)
        try body(path)
    }

    @Test("is open to the group that may connect, at every depth")
    func group() throws {
        try self.withDirectory { path in
            let permissions = Permissions(mode: 0o660, group: getegid())
            UnixSocketFile.makeDirectories(for: "\(path)/new/deep/app.sock", permissions: permissions)
            for directory in ["\(path)/new", "\(path)/new/deep"] {
                let facts = try #require(self.facts(directory))
                #expect(facts.mode == 0o750 && facts.group == getegid())
            }
            #expect(UnixSocketFile.closedDirectory(for: "\(path)/new/deep/app.sock", permissions: permissions) == nil)
        }
    }

    @Test(
        "is no more open than the socket",
        arguments: [(0o660, false, 0o700), (0o600, true, 0o700), (0o666, false, 0o755), (0o662, true, 0o755)]
    )
    func modes(mode: UInt32, hasGroup: Bool, expected: UInt32) throws {
        try self.withDirectory { path in
            let permissions = Permissions(mode: mode, group: hasGroup ? getegid() : nil)
            UnixSocketFile.makeDirectories(for: "\(path)/new/app.sock", permissions: permissions)
            #expect(self.facts("\(path)/new")?.mode == expected)
        }
    }

    @Test("is left as it is when it is there, and named when it keeps out who may connect")
    func closed() throws {
        try self.withDirectory { path in
            try #require(unsafe mkdir("\(path)/there", 0o700) == 0)
            let socket = "\(path)/there/run/app.sock"
            let group = Permissions(mode: 0o660, group: getegid())
            UnixSocketFile.makeDirectories(for: socket, permissions: group)
            #expect(self.facts("\(path)/there")?.mode == 0o700)
            #expect(UnixSocketFile.closedDirectory(for: socket, permissions: group) == "\(path)/there")
            #expect(UnixSocketFile.closedDirectory(for: socket, permissions: Permissions(mode: 0o666)) == "\(path)/there")
            #expect(UnixSocketFile.closedDirectory(for: socket, permissions: Permissions(mode: 0o600, group: getegid())) == nil)
            #expect(UnixSocketFile.closedDirectory(for: socket, permissions: Permissions(mode: 0o660)) == nil)
        }
    }
}
