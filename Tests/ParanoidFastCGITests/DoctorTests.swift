import Foundation
import ParanoidFastCGITesting
import Testing

@testable import ParanoidFastCGI

@Suite("The doctor")
struct DoctorTests {
    private let directory: TemporaryDirectory
    private static let surroundings = Doctor.Surroundings(isRoot: false, descriptorLimit: 65_536, processors: 4, now: 1_800_000_000)

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// An installation with nothing wrong but that nobody answers on its socket.
    private func healthy() async throws -> ApplicationConfiguration {
        var configuration = try ApplicationConfiguration(environment: ["STATE_DIRECTORY": self.directory.path])
        configuration.listen = "127.0.0.1:9000"
        configuration.status = "unix:\(self.directory.path)/status.sock"
        configuration.allowsNetworkStore = true
        let app = try Application(configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        app.get("/") { _ in "" }
        var client = TestClient(app)
        _ = try await client.get("/")
        return configuration
    }

    private static func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    /// Puts an empty directory in the place of what is there.
    private static func replace(_ path: String, mode: Int) throws {
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: mode])
    }

    private func findings(
        _ configuration: ApplicationConfiguration,
        _ surroundings: Doctor.Surroundings = Self.surroundings,
        nginx: String? = nil
    ) throws -> [Doctor.Finding] {
        let nginx = try nginx.map { try NginxConfiguration($0) }
        // Where these tests run, temporary files may lie in memory.
        return Doctor(configuration, surroundings: surroundings).findings(nginx: nginx).filter { !$0.problem.contains("is in memory") }
    }

    @Test("finds nothing wrong with a healthy installation and the configuration that the tool prints for it")
    func healthyInstallation() async throws {
        let configuration = try await self.healthy()
        #expect(try self.findings(configuration, nginx: NginxConfiguration.matching(configuration)) == [])
    }

    typealias Change = @Sendable (inout ApplicationConfiguration, inout Doctor.Surroundings) -> Void

    @Test(
        "finds a mistake in the settings or in the machine's limits",
        arguments: [
            ("plain HTTP", { @Sendable configuration, _ in configuration.sessions.guardSettings.isHTTPSOnly = false }),
            ("nonces are switched off", { @Sendable configuration, _ in configuration.sessions.guardSettings.nonceTimeout = nil }),
            (
                "every user of this machine may connect",
                { @Sendable configuration, _ in
                    configuration.listen = "unix:/proc/nonexistent/app.sock"
                    configuration.listenMode = 0o666
                }
            ),
            (
                "there is no socket /proc/nonexistent/app.sock",
                { @Sendable configuration, _ in configuration.listen = "unix:/proc/nonexistent/app.sock" }
            ),
            ("every host that reaches 0.0.0.0:9000", { @Sendable configuration, _ in configuration.listen = "0.0.0.0:9000" }),
            (
                "is told the status",
                { @Sendable configuration, _ in
                    configuration.status = "0.0.0.0:9101"
                    configuration.statusClients = ["0.0.0.0/0"]
                }
            ),
            ("may ask for the status", { @Sendable configuration, _ in configuration.statusMode = 0o666 }),
            ("every client is a trusted proxy", { @Sendable configuration, _ in configuration.trustedProxies = ["0.0.0.0/0"] }),
            ("expired sessions are never removed", { @Sendable configuration, _ in configuration.sweepInterval = nil }),
            ("counts as stuck before", { @Sendable configuration, _ in configuration.requestDeadline = .seconds(60) }),
            ("stays root", { @Sendable _, surroundings in surroundings.isRoot = true }),
            ("libfcgi 2.4.0 is older than 2.4.2", { @Sendable _, surroundings in surroundings.libfcgi = LibraryVersion("2.4.0-8") }),
            ("descriptors", { @Sendable _, surroundings in surroundings.descriptorLimit = 256 }),
            (
                "(PARANOID_WORKER_MEMORY; one of them is a successor)",
                { @Sendable configuration, surroundings in
                    (configuration.workers, configuration.workerMemoryLimit) = (4, 256 << 20)
                    surroundings.take(memory: "\(1 << 30) - 0\n")
                }
            ),
            (
                "4 workers use 950 MiB of the 1024 MiB of memory",
                { @Sendable configuration, surroundings in
                    configuration.workers = 4
                    surroundings.take(memory: "\(1 << 30) \(950 << 20) 4\n")
                }
            ),
            ("200 workers share", { @Sendable configuration, _ in configuration.workers = 200 }),
            ("the clock is wrong", { @Sendable _, surroundings in surroundings.now = 1_000_000 }),
            ("(PARANOID_LOG_FILE) cannot be written", { @Sendable configuration, _ in configuration.logFile = "/proc/nonexistent/log" }),
            (
                "/proc/nonexistent/env (PARANOID_ENV_FILE)",
                { @Sendable configuration, _ in configuration.environmentFile = "/proc/nonexistent/env" }
            ),
            (
                "there is no session directory",
                { @Sendable configuration, _ in configuration.sessionDirectory = "/proc/nonexistent/sessions" }
            ),
            ("there is no secret file", { @Sendable configuration, _ in configuration.secretFile = "/proc/nonexistent/secret" }),
        ] as [(String, Change)]
    )
    func settings(_ problem: String, _ change: Change) async throws {
        var configuration = try await self.healthy()
        var surroundings = Self.surroundings
        change(&configuration, &surroundings)
        let findings = try self.findings(configuration, surroundings)
        #expect(findings.contains { $0.problem.contains(problem) && !$0.change.isEmpty }, "\(findings)")
    }

    @Test(
        "finds a mistake in the files",
        arguments: [
            ("others can read it", { @Sendable directory in try Self.setMode(0o644, of: "\(directory)/secret") }),
            ("it is not a regular file", { @Sendable directory in try Self.replace("\(directory)/secret", mode: 0o700) }),
            ("secret, line 1", { @Sendable directory in try Data("nonsense\n".utf8).write(to: URL(filePath: "\(directory)/secret")) }),
            ("others may look into", { @Sendable directory in try Self.setMode(0o755, of: "\(directory)/sessions") }),
            ("others may write", { @Sendable directory in try Self.setMode(0o777, of: "\(directory)/sessions") }),
            (
                "is not the session directory of an application",
                { @Sendable directory in try Self.replace("\(directory)/sessions", mode: 0o700) }
            ),
            (
                "is not a directory",
                { @Sendable directory in
                    try FileManager.default.removeItem(atPath: "\(directory)/sessions")
                    try Data().write(to: URL(filePath: "\(directory)/sessions"))
                }
            ),
        ] as [(String, @Sendable (String) throws -> Void)]
    )
    func files(_ problem: String, _ change: @Sendable (String) throws -> Void) async throws {
        let configuration = try await self.healthy()
        try change(self.directory.path)
        let findings = try self.findings(configuration)
        #expect(findings.contains { $0.problem.contains(problem) && !$0.change.isEmpty }, "\(findings)")
    }

    @Test(
        "finds a mistake in the configuration of nginx",
        arguments: [
            ("HTTPS is not sent", "fastcgi_param HTTPS $https if_not_empty;", ""),
            ("claims to be encrypted", "HTTPS $https if_not_empty", "HTTPS on"),
            ("REMOTE_ADDR is not sent", "fastcgi_param REMOTE_ADDR $remote_addr;", ""),
            ("CONTENT_LENGTH is not sent", "fastcgi_param CONTENT_LENGTH $content_length if_not_empty;", ""),
            ("when a request began", "fastcgi_param REQUEST_BEGAN $msec;", ""),
            ("sent twice", "fastcgi_pass", "fastcgi_param REMOTE_ADDR $x; fastcgi_pass"),
            ("become one parameter", "underscores_in_headers off", "underscores_in_headers on"),
            ("502", "fastcgi_buffer_size 8k", "fastcgi_buffer_size 4k"),
            ("nginx refuses bodies", "client_max_body_size 2097153", "client_max_body_size 1m"),
            ("slow senders", "fastcgi_request_buffering on", "fastcgi_request_buffering off"),
            ("a POST twice", "fastcgi_next_upstream error timeout", "fastcgi_next_upstream error timeout non_idempotent"),
            ("keepalive does nothing", "fastcgi_keep_conn on;", ""),
            ("longer than the application drains", "keepalive_timeout 4s", "keepalive_timeout 60s"),
            ("is not tried again", "    server 127.0.0.1:9000 max_fails=0;\n    server", "    server"),
            ("no location has a fastcgi_pass", "fastcgi_pass paranoid;", ""),
        ]
    )
    func nginx(_ problem: String, _ before: String, _ after: String) async throws {
        let configuration = try await self.healthy()
        let text = NginxConfiguration.matching(configuration)
        #expect(text.contains(before))
        let findings = try self.findings(configuration, nginx: "http { \(text.replacing(before, with: after)) }")
        #expect(findings.contains { $0.problem.contains(problem) && !$0.change.isEmpty }, "\(findings)")
    }

    @Test("reads nginx's language: comments, quotation marks, variables, includes, and what an inner block replaces")
    func language() throws {
        let configuration = try NginxConfiguration("a 'b c' \"d;e\" f#g; # comment }\nh { include x; i ${j}k; }") {
            $0 == "x" ? ["l m;"] : []
        }
        #expect(
            configuration.directives == [
                .init(words: ["a", "b c", "d;e", "f#g"]),
                .init(words: ["h"], block: [.init(words: ["l", "m"]), .init(words: ["i", "${j}k"])]),
            ]
        )
        #expect(throws: NginxConfiguration.Problem.self) { try NginxConfiguration("a {") }
        #expect(throws: NginxConfiguration.Problem.self) { try NginxConfiguration("a; }") }
    }
}
