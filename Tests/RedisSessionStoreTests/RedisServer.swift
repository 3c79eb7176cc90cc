#if Redis
import Dispatch
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidLinux
import ParanoidSessions
import Synchronization
import TestSupport

@testable import RedisSessionStore

/// A redis-server of its own, in a directory of its own; it ends with the object, and with this process.
final class RedisServer: Sendable {
    static let program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].first { FileManager.default.isExecutableFile(atPath: $0) }
    static var isInstalled: Bool { Self.program != nil }
    /// One for all tests that do not disturb each other.
    static let shared = SharedServer(isOverTCP: false)
    static let overTCP = SharedServer(isOverTCP: true)

    actor SharedServer {
        private let isOverTCP: Bool
        private var starting: Task<RedisServer, any Error>?

        init(isOverTCP: Bool) {
            self.isOverTCP = isOverTCP
        }

        func get() async throws -> RedisServer {
            let task = self.starting ?? Task { [isOverTCP] in try await RedisServer(port: isOverTCP ? FreePorts.find(1)[0] : nil) }
            self.starting = task
            return try await task.value
        }
    }

    let directory: String
    let port: Int?
    private let process: LeashedProcess
    private let admitted = Mutex<Set<String>>([])

    var socket: String { "\(self.directory)/redis.sock" }
    var address: String { "redis+unix:\(self.socket)" }

    /// Starts a server and waits until it replies.
    /// - Parameter sentinel: The lines of a Sentinel's configuration; `nil`: a server.
    init(port: Int? = nil, sentinel: String? = nil, _ options: [String] = []) async throws {
        self.directory =
            NSTemporaryDirectory() + "paranoid-redis-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        self.port = port
        let bind = ["--port", "\(port ?? 0)", "--bind", "127.0.0.1", "--unixsocket", "\(self.directory)/redis.sock"]
        // Where the users are kept, so that they are there after a restart.
        let users = "\(self.directory)/users.acl"
        try "".write(toFile: users, atomically: true, encoding: .utf8)
        var arguments = bind + ["--dir", self.directory, "--save", "", "--aclfile", users] + options
        if let sentinel {
            let file = "\(self.directory)/sentinel.conf"
            try sentinel.write(toFile: file, atomically: true, encoding: .utf8)
            arguments = [file, "--sentinel"] + bind
        }
        guard let program = Self.program else { throw TestFailure("redis-server is not installed") }
        self.process = try LeashedProcess(program, arguments, log: "\(self.directory)/log")
        try await self.waitUntilItReplies()
    }

    func waitUntilItReplies() async throws {
        let client = try self.client()
        try await eventually("redis-server replies") {
            if case .status("PONG")? = try? await client.send(RedisCommand(["PING"])).reply { true } else { false }
        }
    }

    func client() throws -> RedisClient { try RedisClient(try RedisAddress("\(self.address)?timeout=60")) }

    /// Kills the server and starts it anew.
    func restart() async throws {
        try self.process.restart()
        try await self.waitUntilItReplies()
    }

    func signal(_ number: CInt) { self.process.signal(number) }

    func end() { self.process.end() }

    /// All bytes that the server has appended to its log of commands.
    func appendedBytes() throws -> [UInt8] {
        let directory = "\(self.directory)/appendonlydir"
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted().flatMap { name in
            Array(try Data(contentsOf: URL(filePath: "\(directory)/\(name)")))
        }
    }

    deinit {
        self.process.end()
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    // MARK: Stores, each as a user who has the rights that the tool prints, and no others

    static let password = "geheim-\(UInt64.random(in: 0 ... .max))"

    /// The words that the tool prints for the user of a prefix.
    static func rule(user: String = "shop", prefix: String) throws -> [String] {
        let settings = try ApplicationConfiguration.testing(["PARANOID_STORE": "redis://h?prefix=\(prefix)"])
        return try settings.storeAccessRule(user: user).split(separator: " ").map { $0 == ">PASSWORD" ? ">\(Self.password)" : String($0) }
    }

    /// Makes the user of a prefix; what stands before the host of an address.
    func credentials(_ prefix: String) throws -> String {
        let user = "user-of-\(prefix)"
        try self.admitted.withLock { admitted in
            guard !admitted.contains(prefix) else { return }
            for words in [try Self.rule(user: user, prefix: prefix), ["ACL", "SAVE"]] { try self.ask(words) }
            admitted.insert(prefix)
        }
        return "\(user):\(Self.password)@"
    }

    /// Sends a command and blocks until it is done.
    private func ask(_ words: [String]) throws {
        let client = try self.client()
        let isDone = DispatchSemaphore(value: 0)
        let result = Mutex<Result<RedisAnswer, RedisFailure>?>(nil)
        client.send(RedisCommand(words)) { found in
            result.withLock { $0 = found }
            isDone.signal()
        }
        isDone.wait()
        let answer = try result.withLock { try $0?.get() }
        guard answer?.reply == .status("OK") else { throw TestFailure("\(words[0...1]): \(String(describing: answer))") }
    }

    /// The address of a store as its user.
    func place(_ prefix: String = "paranoid", overTCP: Bool = false, timeout: Int = 60, _ options: String = "") throws -> String {
        let user = try self.credentials(prefix)
        let place = overTCP ? "redis://\(user)127.0.0.1:\(self.port ?? 0)" : "redis+unix://\(user)\(self.socket)"
        return "\(place)?prefix=\(prefix)&timeout=\(timeout)\(options)"
    }

    /// A store over this server.
    func store(prefix: String = "test", overTCP: Bool = false, timeout: Int = 60) throws -> RedisSessionStore {
        try RedisSessionStore(.init(address: RedisAddress(try self.place(prefix, overTCP: overTCP, timeout: timeout))))
    }

    /// The reply to a command.
    func reply(_ words: String...) async throws -> RedisReply { try await self.client().send(RedisCommand(words)).reply }
}

/// A program that ends with the object, and with this process.
final class LeashedProcess: Sendable {
    private struct State: @unchecked Sendable {
        var shell: Process
        var leash: Pipe
    }

    private let program: String
    private let arguments: [String]
    private let log: String
    private let state: Mutex<State>

    init(_ program: String, _ arguments: [String], log: String) throws {
        self.program = program
        self.arguments = arguments
        self.log = log
        self.state = Mutex(try Self.start(program, arguments, log))
    }

    /// A shell holds the program: when nobody holds the leash any more, it kills it.
    private static func start(_ program: String, _ arguments: [String], _ log: String) throws -> State {
        let shell = Process()
        let leash = Pipe()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments =
            [
                "-c",
                "log=$1; shift; \"$@\" > $log 2>&1 < /dev/null & pid=$!; echo $pid > $log.pid; cat > /dev/null; kill -9 $pid; wait $pid",
                "sh", log, program,
            ] + arguments
        shell.standardInput = leash
        try shell.run()
        return State(shell: shell, leash: leash)
    }

    /// Kills the program and starts it anew.
    func restart() throws {
        self.end()
        let state = try Self.start(self.program, self.arguments, self.log)
        self.state.withLock { $0 = state }
    }

    /// The number of its process.
    private var number: CInt? {
        (try? String(contentsOfFile: "\(self.log).pid", encoding: .utf8)).flatMap { CInt($0.split(separator: "\n").first ?? "") }
    }

    func signal(_ number: CInt) { if let process = self.number { kill(process, number) } }

    func end() {
        self.signal(SIGCONT)
        let state = self.state.withLock { $0 }
        try? state.leash.fileHandleForWriting.close()
        state.shell.waitUntilExit()
    }

    deinit { self.end() }
}

/// A name that no other session has.
func makeName() -> SessionName { SessionName(bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max) })! }

/// A session for a store.
func makeSession(
    _ payload: [UInt8],
    in store: RedisSessionStore,
    generation: UInt64 = 1,
    expiresAt: Timestamp = Timestamp(secondsSinceEpoch: 4_000_000_000),
    userTag: UserTag? = nil
) async throws -> StoredSession {
    StoredSession(
        protection: .sealed,
        secretNumber: 1,
        handle: SessionHandle("0123456789abcdef")!,
        epoch: try await store.epoch(),
        generation: generation,
        createdAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
        writtenAt: Timestamp(secondsSinceEpoch: 1_700_000_000),
        expiresAt: expiresAt,
        userTag: userTag,
        payload: payload
    )
}

/// Counts a session's payload of one byte up.
func countUp(_ name: SessionName, in store: RedisSessionStore) async throws {
    try await store.modify(name, timeout: .seconds(60)) { current in
        guard var next = current else { return (.keep, ()) }
        next.generation += 1
        next.payload[0] &+= 1
        return (.write(next), ())
    }
}
#endif
