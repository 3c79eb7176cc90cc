import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The doctor's probe")
    struct Probe {
        /// What `paranoid doctor --probe` says of an application's web server.
        private static func findings(_ app: TestApplication, _ address: String? = nil) async throws -> String {
            let output = app.folder["doctor.\(UUID().uuidString)"]
            let settings = [
                "PARANOID_LISTEN": "unix:\(app.folder["app.sock"])", "PARANOID_SESSION_DIR": app.folder["sessions"],
                "PARANOID_SECRET_FILE": app.folder["secret"],
            ]
            let tool = try SpawnedCommand(
                ["\(Requirements.programs)/paranoid", "doctor", "--probe", "--url", address ?? app.secure("/hello")],
                environment: Requirements.environment.merging(settings) { $1 },
                output: output,
                errors: output
            )
            _ = await tool.waitForEnd()
            return TestFolder.text(at: output)
        }

        /// The lines about the web server; where tests run, the application may be root's and its directories in memory.
        private static func ofWebServer(_ text: String) -> [Substring] {
            text.split(separator: "\n").filter { $0.contains("://localhost") || $0.contains("Error") }
        }

        @Test("says nothing of the nginx files of this package, and nothing is told without a token", .timeLimit(.minutes(5)))
        func healthy() async throws {
            try await TestApplication.with { app in
                let text = try await Self.findings(app)
                #expect(Self.ofWebServer(text).isEmpty && (text.hasSuffix("warnings\n") || text.hasSuffix("warning\n")), "\(text)")
                #expect(Self.ofWebServer(try await Self.findings(app, app.plain("/hello"))).isEmpty)
                for token in ["", String(repeating: "0", count: 64)] {
                    #expect(try await app.get("/hello", "-H", "X-Paranoid-Probe: \(token)").text == "hello\n")
                }
                #expect(app.log.contains("a probe of the doctor was answered"))
            }
        }

        @Test(
            "finds a mistake by what arrives, and names the line to change",
            .timeLimit(.minutes(5)),
            arguments: [
                ("HTTPS does not arrive", "fastcgi_param HTTPS $https if_not_empty;", "paranoid_fastcgi_params", "HTTPS ", "X_HTTPS "),
                ("REMOTE_ADDR does not arrive", "fastcgi_param REMOTE_ADDR", "paranoid_fastcgi_params", "REMOTE_ADDR ", "X_ADDR "),
                ("REQUEST_URI does not arrive", "fastcgi_param REQUEST_URI", "paranoid_fastcgi_params", "REQUEST_URI ", "X_URI "),
                ("when a request began", "fastcgi_param REQUEST_BEGAN", "paranoid_fastcgi_params", "REQUEST_BEGAN ", "X_BEGAN "),
                (
                    "s behind the application's: requests count as late", "timedatectl set-ntp true", "paranoid_fastcgi_params",
                    "REQUEST_BEGAN      $msec", "REQUEST_BEGAN 1000000000.000"
                ),
                (
                    "s ahead of the application's", "timedatectl", "paranoid_fastcgi_params", "REQUEST_BEGAN      $msec",
                    "REQUEST_BEGAN 9000000000.000"
                ),
                (
                    "REMOTE_ADDR arrives twice", "remove one fastcgi_param REMOTE_ADDR", "paranoid_location.conf", "fastcgi_pass",
                    "fastcgi_param REMOTE_ADDR 192.0.2.1; fastcgi_pass"
                ),
                (
                    "become one parameter", "underscores_in_headers off;", "nginx.conf", "underscores_in_headers off",
                    "underscores_in_headers on"
                ),
                (
                    "a response head of 4088 bytes", "fastcgi_buffer_size 8k;", "paranoid_location.conf", "fastcgi_buffer_size ",
                    "fastcgi_buffer_size 2k; #"
                ),
                (
                    "6000 bytes of cookies", "large_client_header_buffers 4 8k;", "nginx.conf", "large_client_header_buffers 4 16k",
                    "large_client_header_buffers 4 2k"
                ),
                (
                    "a body of 2097152 bytes", "client_max_body_size 2097153;", "nginx.conf", "client_max_body_size ",
                    "client_max_body_size 1m; #"
                ),
                (
                    "does not come from this application", "location / { include paranoid_location.conf; }", "nginx.conf",
                    "include paranoid_location.conf;", "return 404;"
                ),
                ("the application is not reached", "fastcgi_pass", "paranoid_upstream.conf", "app.sock", "nobody.sock"),
            ]
        )
        func mistakes(_ problem: String, _ change: String, _ file: String, _ before: String, _ after: String) async throws {
            try await TestApplication.with(workers: 1) { app in
                let path = app.folder["nginx/conf/\(file)"]
                let text = TestFolder.text(at: path)
                #expect(text.contains(before), "\(file)")
                try text.replacing(before, with: after).write(toFile: path, atomically: true, encoding: .utf8)
                app.nginx.signal(SIGHUP)
                // nginx reads its files when it gets to it.
                var said = ""
                try await eventually("the doctor finds it: \(problem)") {
                    said = try await Self.findings(app)
                    return Self.ofWebServer(said).contains { $0.contains(problem) }
                }
                #expect(said.contains("change: \(change)"), "\(said)")
            }
        }

        @Test("finds that nobody answers, and a server that claims encryption on a plain connection", .timeLimit(.minutes(5)))
        func places() async throws {
            try await TestApplication.with(workers: 1) { app in
                #expect(try await Self.findings(app, "https://localhost:1/").contains("nobody answers"))
                let path = app.folder["nginx/conf/paranoid_fastcgi_params"]
                let text = TestFolder.text(at: path).replacing("$https ", with: "on ")
                try text.write(toFile: path, atomically: true, encoding: .utf8)
                app.nginx.signal(SIGHUP)
                try await eventually("the doctor finds it") {
                    try await Self.findings(app, app.plain("/hello")).contains("claims to be encrypted")
                }
            }
        }
    }
}
