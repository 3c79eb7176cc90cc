import Foundation
import Glibc
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("The bytes of parameters, as they come from a web server")
struct ParameterBytesTests {
    private let directory: TemporaryDirectory
    private let app: Application
    private var socketPath: String { "\(self.directory.path)/app.sock" }

    init() throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        configuration.workers = 0
        configuration.handlesSignals = false
        self.app = try Application(configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        self.app.get("/hello") { _ in "hello" }
        self.app.get("/moved") { _ in Response.redirect(to: "/hello", status: .permanentRedirect) }
        self.app.get("/made") { _ in
            var response = Response(status: .created)
            try response.setHeader("/made/1", for: .location)
            return response
        }
    }

    @Test(
        "refuse a request that another program would read otherwise: a zero byte, an equals sign in a name, no name",
        .timeLimit(.minutes(3))
    )
    func ambiguous() async throws {
        let running = Task { try await self.app.run() }
        while unsafe access(self.socketPath, F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(await self.status(with: [("SERVER_SIGNATURE", "a\n"), ("SERVER_NAME", "a=b")]) == "Status: 200")
        for pair in [
            ("SERVER_SIGNATURE", "a\0b"), ("SERVER_NAME", "a\0"), ("HTTP_X", "\0"), ("REMOTE_USER", "a\0"), ("PATH_INFO", "/\0"),
            ("X\0", ""), ("X=Y", ""), ("", "x"), ("REMOTE_USER\0", ""),
        ] {
            #expect(await self.status(with: [pair]) == "Status: 400", "\(pair)")
        }
        running.cancel()
        _ = await running.result
    }

    @Test("get heads whose status stands behind a Location, as HAProxy makes a 302 of one that stands before it", .timeLimit(.minutes(3)))
    func statusBehindLocation() async throws {
        let running = Task { try await self.app.run() }
        while unsafe access(self.socketPath, F_OK) != 0 { try await Task.sleep(for: .milliseconds(2)) }
        for (path, status) in [("/moved", "Status: 308 Permanent Redirect"), ("/made", "Status: 201 Created")] {
            let head = await self.answer(to: path, with: []).components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n")
            #expect(head.filter { $0.contains("Status:") } == [status], "\(head)")
            let location = try #require(head.firstIndex { $0.contains("Location: /") })
            #expect(try location < #require(head.firstIndex(of: status)), "\(head)")
        }
        running.cancel()
        _ = await running.result
    }

    /// The first bytes of the response to `GET /hello` with more parameters.
    private func status(with pairs: [(String, String)]) async -> String {
        String(await self.answer(to: "/hello", with: pairs).prefix(11))
    }

    /// The response, behind the header of its first record.
    private func answer(to path: String, with pairs: [(String, String)]) async -> String {
        let parameters = ([("REQUEST_METHOD", "GET"), ("REQUEST_URI", path)] + pairs).flatMap { name, value in
            [UInt8(name.utf8.count), UInt8(value.utf8.count)] + Array(name.utf8) + Array(value.utf8)
        }
        let request =
            Self.record(1, [0, 1, 0, 0, 0, 0, 0, 0]) + Self.record(4, parameters) + Self.record(4, []) + Self.record(5, [])
        return String(decoding: await self.ask(request).dropFirst(8), as: UTF8.self)
    }

    private static func record(_ kind: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, kind, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 0xFF), 0, 0] + content
    }

    /// All that comes back until the server closes the connection.
    ///
    /// On a thread of its own: the server's tasks need those that tests run on.
    private func ask(_ bytes: [UInt8]) async -> [UInt8] {
        let path = self.socketPath
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Self.ask(bytes, at: path)) }
        }
    }

    private static func ask(_ bytes: [UInt8], at path: String) -> [UInt8] {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let isConnected = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected, unsafe send(descriptor, bytes, bytes.count, 0) == bytes.count else { return [] }
        var received: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &part, part.count, 0)
            guard count > 0 else { return received }
            received += part.prefix(count)
        }
    }
}
