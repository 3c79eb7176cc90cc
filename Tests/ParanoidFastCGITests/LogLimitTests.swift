import InMemoryLogging
import ParanoidFastCGITesting
import Synchronization
import TestSupport
import Testing

@testable import ParanoidFastCGI

@Suite("Lines that clients can cause")
struct LogLimitTests {
    /// A log whose time the test sets.
    private final class Scene: Sendable {
        let lines = InMemoryLogHandler()
        let limits: LogLimits
        let logger: Logger

        init() {
            let time = TimeBox()
            self.box = time
            self.limits = LogLimits(now: { time.now.withLock { $0 } })
            var handler = self.lines
            handler.logLevel = .trace
            self.logger = self.limits.limit(Logger(label: "test") { [handler] _ in handler })
        }

        private let box: TimeBox
        func advance(by duration: Duration) { self.box.now.withLock { $0 += duration.wholeNanoseconds } }

        func log(_ message: String, _ level: Logger.Level = .notice, source: String = "ParanoidHTTP") {
            self.logger.log(level: level, "\(message)", source: source)
        }

        /// How many lines with a message were written.
        func count(_ message: String) -> Int { self.lines.entries.count { $0.message.description == message } }

        /// What lines say that was left out, of those with a message and those about it.
        func leftOut(_ message: String) -> [Int] {
            self.lines.entries.compactMap { entry in
                let isAbout = entry.metadata["log.message"].map { "\($0)" == message } ?? (entry.message.description == message)
                return isAbout ? entry.metadata["log.left_out"].flatMap { Int("\($0)") } : nil
            }
        }
    }

    private final class TimeBox: Sendable {
        let now = Mutex<Int64>(1_000_000_000_000)
    }

    @Test("are as many as their limit says, and say how many were left out", arguments: LogLimit.all.map(\.message))
    func flood(_ message: String) throws {
        let limit = try #require(LogLimit.all.first { $0.message == message }?.limit)
        let scene = Scene()
        for _ in 0..<1000 { scene.log(message) }
        #expect(scene.count(message) == limit.lines && scene.leftOut(message) == [])
        scene.advance(by: .nanoseconds(limit.window))
        for _ in 0..<1000 { scene.log(message) }
        #expect(scene.count(message) == 2 * limit.lines && scene.leftOut(message) == [1000 - limit.lines])
        // The flood has ended with lines that were left out, and no line follows.
        scene.limits.tellLeftOut(to: scene.logger)
        #expect(scene.leftOut(message).count == 1, "another line may follow within the time")
        scene.advance(by: .nanoseconds(limit.window))
        for _ in 0..<3 { scene.limits.tellLeftOut(to: scene.logger) }
        #expect(scene.leftOut(message) == [1000 - limit.lines, 1000 - limit.lines])
        #expect(scene.count(message) + scene.leftOut(message).reduce(0, +) == 2000)
    }

    @Test("are told at the end of the process, too")
    func end() {
        let scene = Scene()
        for _ in 0..<25 { scene.log("request refused") }
        scene.limits.tellLeftOut(to: scene.logger, isLast: true)
        #expect(scene.leftOut("request refused") == [15] && scene.count("log lines were left out") == 1)
    }

    @Test(
        "hide no other line: each message counts by itself, and debugging apart from what is graver",
        arguments: LogLimit.all.map(\.message)
    )
    func apart(_ message: String) {
        let scene = Scene()
        for _ in 0..<1000 { scene.log(message, .debug) }
        scene.log(message, .error)
        #expect(scene.lines.entries.count { $0.level == .error } == 1)
        for other in LogLimit.all.map(\.message) where other != message {
            scene.log(other, .warning)
            #expect(scene.count(other) == 1)
        }
    }

    @Test("have the level of what was left out")
    func level() {
        let scene = Scene()
        for _ in 0..<25 { scene.log("the handler has failed", .error) }
        for _ in 0..<25 { scene.log("the handler has failed", .debug) }
        scene.limits.tellLeftOut(to: scene.logger, isLast: true)
        #expect(scene.lines.entries.last?.level == .error && scene.leftOut("the handler has failed") == [30])
    }

    @Test("are those of this package: lines of the application, and messages that nobody knows, pass")
    func others() {
        let scene = Scene()
        for _ in 0..<500 { scene.log("request refused", source: "Shop") }
        for _ in 0..<500 { scene.log("supervising") }
        #expect(scene.lines.entries.count == 1000 && scene.leftOut("request refused") == [])
    }

    @Test("keep what their logger carries")
    func metadata() throws {
        let scene = Scene()
        var logger = scene.logger
        logger[metadataKey: "a"] = "1"
        logger[metadataKey: "b"] = "1"
        let before = logger
        logger[metadataKey: "b"] = nil
        #expect(logger[metadataKey: "a"] == "1" && logger[metadataKey: "b"] == nil && before[metadataKey: "b"] == "1")
        logger.notice("line", metadata: ["c": "2"])
        logger.notice("line", metadata: ["a": "3"])
        before.notice("line")
        #expect(scene.lines.entries.map(\.metadata) == [["a": "1", "c": "2"], ["a": "3"], ["a": "1", "b": "1"]])
        #expect(scene.limits.limit(logger).handler.metadata == ["a": "1"], "a logger has limits once")
        logger.handler.metadata = ["d": "4"]
        logger.notice("line")
        #expect(scene.lines.entries.last?.metadata == ["d": "4"])
    }

    @Test("are kept to their limit on their way through an application, whoever fails")
    func application() async throws {
        let scene = Scene()
        let directory = try TemporaryDirectory()
        let app = try Application(configuration: ApplicationConfiguration(stateDirectory: directory.path), logger: scene.logger)
        app.get("/broken") { request -> String in
            request.logger.notice("request refused")
            throw HTTPError(.internalServerError)
        }
        var client = TestClient(app)
        for _ in 0..<300 { #expect(try await client.get("/broken").status == 500) }
        #expect(scene.count("request refused") == 300, "a line of the application")
        #expect(scene.count("the handler has failed") == 10)
        app.logLimits.tellLeftOut(to: app.logger)
        #expect(scene.leftOut("the handler has failed") == [])
        scene.advance(by: .seconds(1))
        app.logLimits.tellLeftOut(to: app.logger)
        #expect(scene.leftOut("the handler has failed") == [290])
    }
}
