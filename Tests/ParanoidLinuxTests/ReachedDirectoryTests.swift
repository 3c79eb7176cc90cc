import Glibc
import Testing

@testable import ParanoidLinux

/// Needs root, as it is about what root does not do.
@Suite("A directory that root reaches for a user", .enabled(if: geteuid() == 0, "needs root"), .serialized)
struct ReachedDirectoryTests {
    private static let user = ProcessIdentity(user: UserDatabase.User(name: nil, number: 10_001, group: nil), group: 10_002)

    private struct Facts: Equatable {
        var mode: UInt32
        var user: UInt32
        var group: UInt32
    }

    private func facts(_ path: String) -> Facts? {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 ? Facts(mode: facts.st_mode & 0o7777, user: facts.st_uid, group: facts.st_gid) : nil
    }

    /// A directory of root's with two in it: `app`, which belongs to the user, and `root`, which does not.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        try #require(unsafe chmod(path, 0o755) == 0)
        try #require(unsafe mkdir("\(path)/app", 0o755) == 0 && chown("\(path)/app", 10_001, 10_002) == 0)
        try #require(unsafe mkdir("\(path)/root", 0o700) == 0)
        try body(path)
        #expect(geteuid() == 0)
        // The thread has root's rights to files again.
        #expect(unsafe access("\(path)/root", W_OK) == 0)
    }

    private func reach(_ path: String, making: ReachedDirectory.Making? = ReachedDirectory.Making()) throws(ReachedDirectory.Failure) {
        _ = try ReachedDirectory(of: path, for: Self.user, making: making)
    }

    @Test("is made for the user, in root's directories and in the user's")
    func making() throws {
        try self.withDirectory { path in
            for place in ["\(path)/new", "\(path)/app/new"] {
                try self.reach("\(place)/deep/file", making: ReachedDirectory.Making(group: 10_003, mode: 0o750))
                for directory in [place, "\(place)/deep"] {
                    #expect(self.facts(directory) == Facts(mode: 0o750, user: 10_001, group: 10_003), "\(directory)")
                }
            }
            try self.reach("\(path)/state/.")
            #expect(self.facts("\(path)/state") == Facts(mode: 0o700, user: 10_001, group: 10_002))
            #expect(self.facts("\(path)/root") == Facts(mode: 0o700, user: 0, group: 0))
        }
    }

    @Test("is not behind a link of the user's, nor behind one of root's in a directory of the user's", arguments: [10_001, 0] as [UInt32])
    func links(owner: UInt32) throws {
        try self.withDirectory { path in
            try #require(unsafe symlink("\(path)/root", "\(path)/app/link") == 0 && lchown("\(path)/app/link", owner, owner) == 0)
            #expect(throws: ReachedDirectory.Failure.symbolicLink(path: "\(path)/app/link")) { try self.reach("\(path)/app/link/new/file") }
            #expect(throws: ReachedDirectory.Failure.symbolicLink(path: "\(path)/app/link")) {
                try self.reach("\(path)/app/link/file", making: nil)
            }
            #expect(self.facts("\(path)/root/new") == nil)
            try #require(unsafe symlink("\(path)/root", "\(path)/strange") == 0 && lchown("\(path)/strange", 10_001, 10_001) == 0)
            #expect(throws: ReachedDirectory.Failure.symbolicLink(path: "\(path)/strange")) { try self.reach("\(path)/strange/new/file") }
        }
    }

    @Test("is behind a link of root's in a directory of root's, and the rule holds behind it")
    func linksOfRoot() throws {
        try self.withDirectory { path in
            try #require(unsafe symlink("app", "\(path)/relative") == 0 && symlink("\(path)/app", "\(path)/absolute") == 0)
            for (name, made) in [("relative", "one"), ("absolute", "two")] {
                try self.reach("\(path)/\(name)/\(made)/file")
                #expect(self.facts("\(path)/app/\(made)") == Facts(mode: 0o700, user: 10_001, group: 10_002))
            }
            try #require(unsafe symlink("\(path)/root", "\(path)/app/link") == 0)
            #expect(throws: ReachedDirectory.Failure.symbolicLink(path: "\(path)/app/link")) {
                try self.reach("\(path)/relative/link/new/file")
            }
            try #require(unsafe symlink("round", "\(path)/round") == 0)
            #expect(throws: ReachedDirectory.Failure.system(SystemCallError("openat", code: ELOOP), path: "\(path)/round")) {
                try self.reach("\(path)/round/file")
            }
        }
    }

    @Test("is not above a directory of the user's, behind a file, or in one that the user may not write")
    func others() throws {
        try self.withDirectory { path in
            #expect(throws: ReachedDirectory.Failure.upwards(path: "\(path)/app/..")) { try self.reach("\(path)/app/../new/file") }
            try self.reach("\(path)/root/../up/file")
            #expect(self.facts("\(path)/up")?.user == 10_001)
            try #require(unsafe close(creat("\(path)/app/plain", 0o600)) == 0)
            #expect(throws: ReachedDirectory.Failure.notDirectory(path: "\(path)/app/plain")) { try self.reach("\(path)/app/plain/file") }
            // Another user's: root could, and does not.
            try #require(unsafe mkdir("\(path)/other", 0o755) == 0 && chown("\(path)/other", 10_009, 10_009) == 0)
            #expect(throws: ReachedDirectory.Failure.system(SystemCallError("mkdirat", code: EACCES), path: "\(path)/other/new")) {
                try self.reach("\(path)/other/new/file")
            }
        }
    }

    @Test("holds a socket with the owner, group and mode that were asked for", arguments: [10_001, 10_005] as [UInt32])
    func sockets(owner: UInt32) throws {
        try self.withDirectory { path in
            for socket in ["\(path)/app.sock", "\(path)/app/app.sock", "\(path)/run/app/app.sock"] {
                let permissions = UnixSocketFile.Permissions(mode: 0o660, owner: owner, group: 10_003)
                let listening = try UnixSocketFile.listen(at: socket, for: Self.user, permissions: permissions, backlog: 4)
                #expect(self.facts(socket) == Facts(mode: 0o660, user: owner, group: 10_003), "\(socket)")
                #expect(FileProbe.listener(at: socket) == .answers)
                let file = listening.file
                #expect(file.path == socket && file.isStillThere)
            }
            #expect(self.facts("\(path)/run/app") == Facts(mode: 0o750, user: 10_001, group: 10_003))
        }
    }

    @Test("holds a log file of the user's; a link in its place is refused")
    func logFiles() throws {
        try self.withDirectory { path in
            // Standard error itself stays as it is: what is looked at is the refusal.
            try #require(unsafe symlink("\(path)/root/planted", "\(path)/app/log") == 0)
            #expect(throws: ReachedDirectory.Failure.self) { try LogFile("\(path)/app/log").openAsStandardError(for: Self.user) }
            try #require(unsafe symlink("\(path)/root", "\(path)/app/link") == 0)
            #expect(throws: ReachedDirectory.Failure.symbolicLink(path: "\(path)/app/link")) {
                try LogFile("\(path)/app/link/log").openAsStandardError(for: Self.user)
            }
            #expect(self.facts("\(path)/root/planted") == nil && self.facts("\(path)/root/log") == nil)
        }
    }
}
