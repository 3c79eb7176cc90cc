#if Redis
import Foundation
import ParanoidLinux
import ParanoidSessions
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
    private nonisolated(unsafe) var shell: Process
    private nonisolated(unsafe) var leash: Pipe

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
        var arguments = bind + ["--dir", self.directory, "--save", ""] + options
        if let sentinel {
            let file = "\(self.directory)/sentinel.conf"
            try sentinel.write(toFile: file, atomically: true, encoding: .utf8)
            arguments = [file, "--sentinel"] + bind
        }
        unsafe (self.shell, self.leash) = try Self.start(arguments, in: self.directory)
        self.arguments = arguments
        try await self.waitUntilItReplies()
    }

    private let arguments: [String]

    /// A shell holds the server: when nobody holds the leash any more, it kills it.
    private static func start(_ arguments: [String], in directory: String) throws -> (Process, Pipe) {
        guard let program = Self.program else { throw TestFailure("redis-server is not installed") }
        let shell = Process()
        let leash = Pipe()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments =
            [
                "-c",
                "log=$1; shift; \"$@\" > $log 2>&1 < /dev/null & pid=$!; echo $pid > $log.pid; cat > /dev/null; kill -9 $pid; wait $pid",
                "sh", "\(directory)/log", program,
            ] + arguments
        shell.standardInput = leash
        try shell.run()
        return (shell, leash)
    }

    func waitUntilItReplies() async throws {
        let client = try self.client()
        try await eventually("redis-server replies") {
            if case .status("PONG")? = try? await client.send(RedisCommand(["PING"])).reply { true } else { false }
        }
    }

    func client() throws -> RedisClient { try RedisClient(try RedisAddress(self.address)) }

    /// Kills the server and starts it anew.
    func restart() async throws {
        self.end()
        unsafe (self.shell, self.leash) = try Self.start(self.arguments, in: self.directory)
        try await self.waitUntilItReplies()
    }

    /// The number of the server's process.
    var processNumber: CInt? {
        (try? String(contentsOfFile: "\(self.directory)/log.pid", encoding: .utf8)).flatMap { CInt($0.split(separator: "\n").first ?? "") }
    }

    func signal(_ number: CInt) { if let process = self.processNumber { kill(process, number) } }

    func end() {
        self.signal(SIGCONT)
        unsafe try? self.leash.fileHandleForWriting.close()
        unsafe self.shell.waitUntilExit()
    }

    /// All bytes that the server has appended to its log of commands.
    func appendedBytes() throws -> [UInt8] {
        let directory = "\(self.directory)/appendonlydir"
        return try FileManager.default.contentsOfDirectory(atPath: directory).sorted().flatMap { name in
            Array(try Data(contentsOf: URL(filePath: "\(directory)/\(name)")))
        }
    }

    deinit {
        self.end()
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    /// A store over this server.
    func store(prefix: String = "test", overTCP: Bool = false, timeout: Int = 60) throws -> RedisSessionStore {
        let place = overTCP ? "redis://127.0.0.1:\(self.port ?? 0)" : self.address
        return try RedisSessionStore(.init(address: RedisAddress("\(place)?prefix=\(prefix)&timeout=\(timeout)")))
    }

    /// The reply to a command.
    func reply(_ words: String...) async throws -> RedisReply { try await self.client().send(RedisCommand(words)).reply }
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
