import FastCGIServer
import Glibc
import ParanoidLinux
import Logging
import Synchronization
import Testing

/// A server on a socket of its own, for the time of one test.
struct TestServer: Sendable {
    let server: FastCGIServer
    let path: String

    func connect() throws -> FastCGIPeer {
        try FastCGIPeer(self.path)
    }

    /// One request on a connection of its own.
    func ask(_ path: String, parameters: [(String, String)] = [], body: [UInt8] = []) throws -> FastCGIPeer.Answer {
        let peer = try self.connect()
        return try peer.ask(path, keep: false, parameters: parameters, body: body)
    }
}

/// Two threads, so that one blocked thread is half of all, and deadlines that no slow machine meets; a test shortens those it is about.
func configuration(_ change: (inout FastCGIServerConfiguration) -> Void = { _ in }) -> FastCGIServerConfiguration {
    var configuration = FastCGIServerConfiguration()
    configuration.threads = 2
    configuration.idleDrainTime = .zero
    configuration.readTimeout = .seconds(600)
    configuration.writeTimeout = .seconds(600)
    configuration.headDeadline = .seconds(600)
    change(&configuration)
    return configuration
}

/// Runs a server, has `body` talk to it on a thread that may block, and drains it.
func withServer(
    _ configuration: FastCGIServerConfiguration = configuration(),
    handler: @escaping @Sendable (consuming FastCGIRequest) async -> Void = answerWithPath,
    body: @escaping @Sendable (TestServer) throws -> Void
) async throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/s"
    let server = try FastCGIServer(
        listener: Listener.open(.unix(path: path)),
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        handler: handler
    )
    async let running: Void = server.run()
    let result: Result<Void, any Error> = await onThread { try body(TestServer(server: server, path: path)) }
    server.drain()
    await running
    try result.get()
}

/// Runs something that blocks, without holding a thread of the cooperative pool.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async -> Result<Value, any Error> {
    await withCheckedContinuation { continuation in
        do {
            _ = try Thread(name: "test") { continuation.resume(returning: Result { try body() }) }
        } catch {
            continuation.resume(returning: .failure(error))
        }
    }
}

/// Blocks until a condition holds; the ten minutes are only for tests that fail.
func waitUntil(_ condition: () -> Bool) {
    for _ in 0..<600_000 {
        if condition() { return }
        usleep(1000)
    }
    Issue.record("the condition did not come true within ten minutes")
}

/// Answers with the path, and with what the body was if there is one.
@Sendable func answerWithPath(_ request: consuming FastCGIRequest) async {
    var text = request.parameter("SCRIPT_NAME") ?? "-"
    if let body = request.readAll(), !body.isEmpty { text += " \(body.count)" }
    request.answer(text)
}

extension FastCGIRequest {
    func parameter(_ name: String) -> String? {
        func text(_ bytes: RawSpan?) -> String? {
            guard let bytes else { return nil }
            return unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
        let value = self.withParameter(name) { text($0) }
        // Whoever asks for several at once hears the same of each, in their order.
        var several: [String] = []
        self.withParameters(["ABSENT", name, "ABSENT", name]) { several.append("\($0)=\(text($1) ?? "nil")") }
        precondition(several == ["ABSENT=nil", "\(name)=\(value ?? "nil")", "ABSENT=nil", "\(name)=\(value ?? "nil")"])
        return value
    }

    /// The whole body, or nil if it broke off.
    mutating func readAll() -> [UInt8]? {
        var body: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            do {
                let count = unsafe try chunk.withUnsafeMutableBytes { bytes throws(FastCGIServerError) in
                    unsafe try self.read(into: bytes)
                }
                if count == 0 { return body }
                body += chunk.prefix(count)
            } catch {
                return nil
            }
        }
    }

    mutating func writeText(_ text: String) {
        let bytes = Array(text.utf8)
        try? unsafe self.write(bytes.span.bytes)
    }

    consuming func answer(_ text: String) {
        self.writeText(text)
        self.finish()
    }
}

/// A directory that disappears with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/fcgi-XXXXXX".utf8CString)
        self.path = unsafe template.withUnsafeMutableBufferPointer { unsafe String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        if let entries = unsafe opendir(self.path) {
            while let entry = unsafe readdir(entries) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                }
                if name != ".", name != ".." { unsafe unlink("\(self.path)/\(name)") }
            }
            unsafe closedir(entries)
        }
        unsafe rmdir(self.path)
    }
}

/// A latch: handlers wait for the test, or the test for handlers.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))
    private let arrivals = Atomic<Int>(0)

    var arrived: Int { self.arrivals.load(ordering: .acquiring) }

    func pass() async {
        self.arrivals.add(1, ordering: .releasing)
        await withCheckedContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Holds the calling thread.
    func block() {
        self.arrivals.add(1, ordering: .releasing)
        waitUntil { self.state.withLock { $0.isOpen } }
    }

    func open() {
        let waiting = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A counter that handlers share.
final class Tally: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { self.count.load(ordering: .acquiring) }

    func add() {
        self.count.add(1, ordering: .releasing)
    }
}
