#if Redis
internal import ParanoidLinux
internal import Synchronization

/// The way to a Redis: one thread, which waits for the descriptors of all nodes; a caller suspends and holds no thread.
///
/// It has a thread of its own, beside those of the worker's executor, as supervisor and tool have no executor.
final class RedisClient: Sendable {
    private enum Task: Sendable {
        case command(RedisEngine.Submission)
        case later(nanoseconds: Int64, body: @Sendable () -> Void)
    }

    private struct Inbox {
        var tasks: [Task] = []
        var isSignalled = false
        var isClosed = false
    }

    /// What the thread and the callers share; the thread does not hold the client, so that the client's end ends the thread.
    private final class Shared: Sendable {
        let inbox = Mutex(Inbox())
        let wakeup: EventFD

        init() throws(SystemCallError) {
            self.wakeup = try EventFD()
        }

        func add(_ task: Task) {
            let isOpen = self.inbox.withLock { inbox in
                guard !inbox.isClosed else { return false }
                inbox.tasks.append(task)
                if !inbox.isSignalled {
                    inbox.isSignalled = true
                    self.wakeup.signal()
                }
                return true
            }
            guard !isOpen else { return }
            switch task {
            case .command(let submission): submission.done(.failure(.away("the store was closed")))
            case .later(_, let body): body()
            }
        }

        func close() {
            self.inbox.withLock { inbox in
                inbox.isClosed = true
                self.wakeup.signal()
            }
        }

        func run(_ engine: RedisEngine) {
            while true {
                if engine.turn() { self.wakeup.consume() }
                let (tasks, isClosed) = self.inbox.withLock { inbox in
                    let tasks = inbox.tasks
                    inbox.tasks = []
                    inbox.isSignalled = false
                    return (tasks, inbox.isClosed)
                }
                for task in tasks {
                    switch task {
                    case .command(let submission): engine.submit(submission)
                    case .later(let time, let body): engine.schedule(after: time, body)
                    }
                }
                guard !isClosed else { return engine.stop() }
            }
        }
    }

    private let shared: Shared
    private let timeout: Int64

    /// Starts the thread; connects to nothing before the first command.
    ///
    /// - Parameter observe: Told of what happens, on the client's thread.
    init(_ address: RedisAddress, observe: (@Sendable (RedisEvent) -> Void)? = nil) throws(SystemCallError) {
        let shared = try Shared()
        self.shared = shared
        self.timeout = Self.nanoseconds(address.timeout)
        // Made here, so that what the system refuses shows here; used by the thread alone from now on.
        let engine = try RedisEngine(address, wakeup: shared.wakeup.descriptor.number, observe: observe)
        nonisolated(unsafe) let handed = engine
        _ = try Thread(name: "redis", stackSize: 1 << 20) { unsafe shared.run(handed) }
    }

    deinit { self.shared.close() }

    static func nanoseconds(_ time: Duration) -> Int64 {
        let (seconds, attoseconds) = time.components
        return Int64(clamping: min(seconds, 1_000_000_000)) * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// When an operation that begins now has to be done, in nanoseconds of the boot clock.
    var deadline: Int64 { self.deadline(from: BootClock.now()) }

    /// When one has to be done that need not begin before then.
    func deadline(from begin: Int64) -> Int64 { begin + self.timeout }

    /// Sends a command; `done` runs on the client's thread.
    ///
    /// - Parameter deadline: That of the operation, if the command is not all of it.
    func send(
        _ command: RedisCommand,
        by deadline: Int64? = nil,
        done: @escaping @Sendable (Result<RedisAnswer, RedisFailure>) -> Void
    ) {
        self.shared.add(.command(.init(command: command, deadline: deadline ?? self.deadline, done: done)))
    }

    /// Sends a command and suspends until its reply is there.
    func send(_ command: RedisCommand, by deadline: Int64? = nil) async throws(RedisFailure) -> RedisAnswer {
        let result: Result<RedisAnswer, RedisFailure> = await withCheckedContinuation { continuation in
            self.send(command, by: deadline) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Sends commands together and suspends until all replies are there, in the order of the commands.
    func send(_ commands: [RedisCommand]) async throws(RedisFailure) -> [RedisReply] {
        guard !commands.isEmpty else { return [] }
        let replies = Replies(commands.count)
        await withCheckedContinuation { continuation in
            for (index, command) in commands.enumerated() {
                self.send(command) { result in
                    if replies.note(result, at: index) { continuation.resume() }
                }
            }
        }
        return try replies.all()
    }

    private final class Replies: Sendable {
        private let kept: Mutex<(results: [Result<RedisAnswer, RedisFailure>?], left: Int)>

        init(_ count: Int) {
            self.kept = Mutex((Array(repeating: nil, count: count), count))
        }

        /// Whether it is the last one.
        func note(_ result: Result<RedisAnswer, RedisFailure>, at index: Int) -> Bool {
            self.kept.withLock { kept in
                kept.results[index] = result
                kept.left -= 1
                return kept.left == 0
            }
        }

        func all() throws(RedisFailure) -> [RedisReply] {
            var replies: [RedisReply] = []
            for result in self.kept.withLock({ $0.results }) {
                if let answer = try result?.get() { replies.append(answer.reply) }
            }
            return replies
        }
    }

    /// Has something done by the client's thread after a time; at once if the client is closed.
    func schedule(after nanoseconds: Int64, _ body: @escaping @Sendable () -> Void) {
        self.shared.add(.later(nanoseconds: nanoseconds, body: body))
    }

    /// Suspends for a time.
    func pause(nanoseconds: Int64) async {
        await withCheckedContinuation { continuation in
            self.schedule(after: nanoseconds) { continuation.resume() }
        }
    }
}
#endif
