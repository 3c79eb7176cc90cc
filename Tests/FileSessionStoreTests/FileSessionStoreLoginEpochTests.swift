import Glibc
import ParanoidFastCGITesting
import ParanoidLinux
import ParanoidSessions
import Synchronization
import TestSupport
import Testing

@testable import FileSessionStore

@Suite("The end of a user's logins, in files")
struct FileSessionStoreLoginEpochTests {
    private static let ann = UserTag(bytes: [UInt8](repeating: 0xA1, count: 16))!
    /// Of the same group.
    private static let bob = UserTag(bytes: [UInt8](repeating: 0xA1, count: 15) + [0])!

    private func session(of tag: UserTag, loginEpoch: UInt64) -> StoredSession {
        var session = makeSession([1])
        session.userTag = tag
        session.loginEpoch = loginEpoch
        return session
    }

    private func numbers(of fixture: StoreFixture) -> [String] {
        entries(of: "\(fixture.directory)/epochs").flatMap { entries(of: "\(fixture.directory)/epochs/\($0)") }
    }

    @Test("a user has one number, however often all logins end, and one whose mark is another's is not asked for twice")
    func numbers() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(self.session(of: Self.bob, loginEpoch: 0), named: sessionName(1))
        for _ in 0..<3 { try await store.endLogins(of: Self.ann, before: store.beginLoginEpoch()) }
        #expect(self.numbers(of: fixture).count == 1)
        #expect(try await store.read(sessionName(1)) != nil)
        // What the process has learnt holds as long as the mark stays: the directory is not listed again.
        #expect(run("chmod", "0777", "\(fixture.directory)/epochs/a1") == 0)
        #expect(try await store.read(sessionName(1)) != nil)
        await #expect(throws: SessionStoreError.self) { try await fixture.makeStore().read(sessionName(1)) }
    }

    @Test("what ended stays so when the file control is lost while workers run, and afterwards")
    func lostPage() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(self.session(of: Self.ann, loginEpoch: 0), named: sessionName(1))
        try await store.create(self.session(of: Self.bob, loginEpoch: 0), named: sessionName(2))
        try await store.endLogins(of: Self.ann, before: store.beginLoginEpoch())
        #expect(run("rm", "\(fixture.directory)/control") == 0)
        let number = try await store.beginLoginEpoch()
        #expect(number == 2)
        let other = try fixture.makeStore()
        #expect(other.loginEpoch == 2)
        for store in [store, other] {
            #expect(try await store.read(sessionName(1)) == nil)
            #expect(try await store.read(sessionName(2)) != nil)
        }
    }

    @Test("a sweep removes what has ended, and much later the number that says so")
    func sweep() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.makeStore()
        try await store.create(self.session(of: Self.ann, loginEpoch: 0), named: sessionName(1))
        try await store.create(self.session(of: Self.bob, loginEpoch: 0), named: sessionName(2))
        try await store.endLogins(of: Self.ann, before: store.beginLoginEpoch())
        func sweep() async throws -> SweepReport {
            var sum = SweepReport()
            while !sum.isComplete { sum.add(try await store.sweep(expiredAt: .distantPast, budget: 1000)) }
            return sum
        }
        let first = try await sweep()
        #expect(first.removed == 1)
        #expect(first.live == 1)
        #expect(self.numbers(of: fixture).count == 1)
        let entry = try #require(self.numbers(of: fixture).first)
        age("\(fixture.directory)/epochs/\(entry.prefix(2))/\(entry)", by: 31 * 86_400)
        #expect(try await sweep().leftovers == 1)
        #expect(self.numbers(of: fixture).isEmpty)
    }

    /// The directory that second processes work in, and this one's name there; `nil` in the process of the tests.
    private static let post = ProcessEnvironment.current()["PARANOID_TEST_POST"].map { $0.split(separator: " ").map(String.init) }

    /// Logs in, rotates and redeems as one user until told to stop, as a worker does; notes each session with the number that its login carries.
    ///
    /// It pauses after some rounds at one number, so that a slow test meets no more sessions than a fast one.
    @Test("a second process at work", .enabled(if: Self.post != nil))
    func work() async throws {
        let post = try #require(Self.post)
        let (directory, worker) = (post[0], post[1])
        var random = SystemRandom()
        let store = try FileSessionStore(configuration: .init(directory: "\(directory)/sessions"), logger: LogRecorder().logger)
        let secrets = try ServerSecrets(parsing: PrivateFile.read("\(directory)/secret") ?? [])
        let repository = SessionRepository(store: store, secrets: secrets)
        guard let notes = unsafe fopen("\(directory)/notes.\(worker)", "w") else { throw SystemCallError("fopen") }
        defer { unsafe fclose(notes) }
        let now = Timestamp(secondsSinceEpoch: 1_000_000)
        let end = Timestamp(secondsSinceEpoch: 9_000_000_000)
        var rounds: (at: UInt64?, count: Int) = (nil, 0)
        while unsafe access("\(directory)/stop", F_OK) != 0 {
            // As the request arrives; the password is checked after that.
            let epoch = repository.loginEpoch
            rounds = (epoch, rounds.at == epoch ? rounds.count + 1 : 1)
            usleep(.random(in: 0...2000))
            if rounds.count > 4 { continue }
            var record = SessionRecord(createdAt: now)
            record.user = SessionUser(name: "ann", loggedInAt: now, epoch: epoch)
            let begun = try await repository.begin(record, expiresAt: end, at: now, keys: repository.newestKeys, using: &random)
            unsafe fputs("\(begun.identifier.cookieValue) \(epoch)\n", notes)
            let login = RememberedLogin(user: "ann", device: nil, at: now, using: &random)
            let token = try await repository.remember(login, epoch: epoch, expiresAt: end, at: now, using: &random)
            usleep(.random(in: 0...1000))
            if let opened = try await repository.open(begun.identifier, at: now) {
                // A rotation: the record that was read goes under a new identifier.
                usleep(.random(in: 0...1000))
                let next = try await repository.create(opened.record, expiresAt: end, at: now, keys: repository.newestKeys, using: &random)
                unsafe fputs("\(next.cookieValue) \(epoch)\n", notes)
            }
            // A token that is redeemed: the login carries the number of the request that shows it.
            let later = repository.loginEpoch
            usleep(.random(in: 0...1000))
            let isThere = try await repository.changeRemembered(token, at: now, using: &random) {
                ($0.map { .write($0.login) } ?? .keep, $0 != nil)
            }
            if isThere {
                record.user?.epoch = later
                let session = try await repository.create(record, expiresAt: end, at: now, keys: repository.newestKeys, using: &random)
                unsafe fputs("\(session.cookieValue) \(later)\n", notes)
            }
            unsafe fflush(notes)
        }
    }

    @Test("reaches what other processes create, rotate and redeem at that moment, and nothing that begins later")
    func atThatMoment() async throws {
        let scratch = try TemporaryDirectory()
        var random = SystemRandom()
        _ = try PrivateFile.create("\(scratch.path)/secret", contents: ServerSecret(number: 1, using: &random).fileLine)
        let secrets = try ServerSecrets(parsing: PrivateFile.read("\(scratch.path)/secret") ?? [])
        let store = try FileSessionStore(configuration: .init(directory: "\(scratch.path)/sessions"), logger: LogRecorder().logger)
        let repository = SessionRepository(store: store, secrets: secrets)
        let now = Timestamp(secondsSinceEpoch: 1_000_000)
        let path = scratch.path
        let processes = try ["1", "2"].map { worker in
            try #require(
                start([
                    "env", "PARANOID_TEST_POST=\(path) \(worker)", "/proc/\(getpid())/exe", "--testing-library", "swift-testing",
                    "--filter",
                    "FileSessionStoreTests.FileSessionStoreLoginEpochTests/work",
                ])
            )
        }

        func notes() -> [(identifier: SessionIdentifier, epoch: UInt64)] {
            ["1", "2"].flatMap { worker -> [(SessionIdentifier, UInt64)] in
                String(decoding: bytes(ofFile: "\(path)/notes.\(worker)"), as: UTF8.self).split(separator: "\n").compactMap { line in
                    let words = line.split(separator: " ")
                    guard words.count == 2, let identifier = SessionIdentifier(cookieValue: Array(words[0].utf8)),
                        let epoch = UInt64(words[1])
                    else { return nil }
                    return (identifier, epoch)
                }
            }
        }
        var last: UInt64 = 0
        do {
            // However it ends, the other processes do.
            defer {
                _ = try? PrivateFile.create("\(path)/stop", contents: [])
                for process in processes { while waitpid(process, nil, 0) < 0 && errno == EINTR {} }
            }
            // Each time when there is something that can end.
            for turn in 0...12 {
                try await eventually("four sessions of turn \(turn)") { notes().count { $0.epoch >= last } >= 4 }
                if turn < 12 { last = try await repository.revokeAll(user: "ann", at: now).epoch }
            }
        }
        let noted = notes()
        var (old, young) = (0, 0)
        for (identifier, epoch) in noted {
            let opened = try await repository.open(identifier, at: now)
            #expect((opened != nil) == (epoch >= last), "a login that carries \(epoch), after \(last)")
            if epoch < last { old += 1 } else { young += 1 }
        }
        #expect(old >= 48)
        #expect(young >= 4)
    }
}
