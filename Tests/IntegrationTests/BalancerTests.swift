import Foundation
import TestSupport
import Testing

extension Integration {
    /// A balancer (nginx) that ends TLS, in front of the nginx that speaks FastCGI: what the application believes of whom.
    @Suite("Behind a balancer that ends TLS")
    struct Balancer {
        private struct Seen: Decodable, Equatable {
            var secure: String
            var client: String
        }

        /// An outer nginx whose locations are balancers of different kinds, for one test.
        private final class Outer: Sendable {
            let app: TestApplication
            private let tlsPort: Int
            private let plainPort: Int
            private let nginx: SpawnedCommand

            init(_ app: TestApplication) async throws {
                self.app = app
                let ports = try FreePorts.find(2)
                (self.tlsPort, self.plainPort) = (ports[0], ports[1])
                try FileManager.default.createDirectory(atPath: app.folder["outer/tmp"], withIntermediateDirectories: true)
                let inner = "proxy_pass http://127.0.0.1:\(app.port)/; proxy_set_header Host localhost"
                let configuration = """
                    daemon off; pid nginx.pid; error_log error.log; worker_processes 1; \(getuid() == 0 ? "user root;" : "")
                    events { worker_connections 64; }
                    http {
                        access_log off; client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
                        scgi_temp_path tmp/s; uwsgi_temp_path tmp/u;
                        map $http_forwarded $before { "" ""; default "$http_forwarded, "; }
                        server {
                            listen 127.0.0.1:\(ports[0]) ssl;
                            listen 127.0.0.1:\(ports[1]);
                            ssl_certificate \(app.folder["nginx/conf/certificate.pem"]);
                            ssl_certificate_key \(app.folder["nginx/conf/private-key.pem"]);
                            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                            proxy_set_header X-Forwarded-Proto $scheme;
                            # As the page Behind-nginx says it: it replaces what a client says of the protocol, and adds the client's address.
                            location /balancer/ {
                                \(inner); proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
                            }
                            # The same from an address that nobody trusts.
                            location /stranger/ {
                                \(inner); proxy_bind 127.0.0.2;
                                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
                                proxy_set_header Forwarded "for=$remote_addr;proto=$scheme";
                            }
                            # RFC 7239; the two other fields pass as the client has invented them.
                            location /standard/ { \(inner); proxy_set_header Forwarded "${before}for=$remote_addr;proto=$scheme"; }
                        }
                    }

                    """
                try Data(configuration.utf8).write(to: URL(filePath: app.folder["outer/nginx.conf"]))
                self.nginx = try SpawnedCommand(
                    ["nginx", "-p", app.folder["outer"], "-c", "nginx.conf", "-e", "error.log"],
                    environment: Requirements.environment,
                    errors: app.folder["outer/err"]
                )
                try Data("\(self.nginx.pid)\n".utf8).write(to: URL(filePath: app.folder["outer.pid"]))
                try await eventually("the balancer answers") {
                    if let ending = self.nginx.ending { throw TestFailure("nginx ended: \(ending)\n\(app.folder.text(of: "outer/err"))") }
                    return try await self.ask("balancer", "/hello", overTLS: true).status == 200
                }
            }

            func end() async {
                self.nginx.signal(SIGTERM)
                _ = await self.nginx.waitForEnd()
            }

            /// A request of a client at 127.0.0.3, which is no proxy.
            func ask(_ kind: String, _ path: String, overTLS: Bool, _ words: [String] = []) async throws -> CurlAnswer {
                let origin = overTLS ? "https://127.0.0.1:\(self.tlsPort)" : "http://127.0.0.1:\(self.plainPort)"
                return try await self.app.curl("\(origin)/\(kind)\(path)", ["--interface", "127.0.0.3"] + words)
            }

            func seen(_ kind: String, overTLS: Bool, _ words: String...) async throws -> Seen {
                try await self.ask(kind, "/seen", overTLS: overTLS, words).json(Seen.self)
            }

            /// A request that reaches the inner nginx itself.
            func direct(from address: String, _ words: String...) async throws -> Seen {
                try await self.app.curl("http://127.0.0.1:\(self.app.port)/seen", ["--interface", address] + words).json(Seen.self)
            }
        }

        private func with(_ settings: [String: String], _ body: (Outer) async throws -> Void) async throws {
            try await TestApplication.with("stress-server", workers: 1, settings: settings) { app in
                let outer = try await Outer(app)
                do {
                    try await body(outer)
                    await outer.end()
                } catch {
                    await outer.end()
                    throw error
                }
            }
        }

        private static let lies = [
            "-H", "X-Forwarded-For: 198.51.100.9", "-H", "X-Forwarded-Proto: https", "-H", "Forwarded: for=198.51.100.9;proto=https",
        ]

        @Test("X-Forwarded-Proto of a trusted proxy makes a request secure; nobody else's does", .timeLimit(.minutes(5)))
        func xForwarded() async throws {
            try await self.with(["PARANOID_TRUSTED_PROXIES": "127.0.0.1", "PARANOID_FORWARDED_PROTO": "true"]) { outer in
                #expect(try await outer.seen("balancer", overTLS: true) == Seen(secure: "true", client: "127.0.0.3"))
                #expect(try await outer.seen("balancer", overTLS: false) == Seen(secure: "false", client: "127.0.0.3"))
                // What the client invents, the balancer replaces, or it stands left of what the balancer adds.
                #expect(
                    try await outer.ask("balancer", "/seen", overTLS: false, Self.lies).json(Seen.self)
                        == Seen(secure: "false", client: "127.0.0.3")
                )
                let modest = ["-H", "X-Forwarded-For: 198.51.100.9", "-H", "X-Forwarded-Proto: http"]
                #expect(
                    try await outer.ask("balancer", "/seen", overTLS: true, modest).json(Seen.self)
                        == Seen(secure: "true", client: "127.0.0.3")
                )
                // A peer that is not on the list says nothing, whatever it passes on.
                #expect(try await outer.seen("stranger", overTLS: true) == Seen(secure: "false", client: "127.0.0.2"))
                let direct = try await outer.app.curl("http://127.0.0.1:\(outer.app.port)/seen", ["--interface", "127.0.0.3"] + Self.lies)
                #expect(try direct.json(Seen.self) == Seen(secure: "false", client: "127.0.0.3"))
                // A session is made over TLS only, with cookies for TLS only.
                let login = ["-X", "POST", "-d", "user=anna"]
                let cookies = try await outer.ask("balancer", "/login", overTLS: true, login).values("set-cookie")
                #expect(!cookies.isEmpty && cookies.allSatisfy { $0.hasPrefix("__Host-") && $0.contains("; Secure") }, "\(cookies)")
                #expect(try await outer.ask("balancer", "/login", overTLS: false, login + Self.lies).values("set-cookie").isEmpty)
                #expect(try await outer.ask("stranger", "/login", overTLS: true, login).values("set-cookie").isEmpty)
            }
        }

        @Test("two lines of such a field are one list, and are not refused", .timeLimit(.minutes(5)))
        func lines() async throws {
            try await self.with(["PARANOID_TRUSTED_PROXIES": "127.0.0.1", "PARANOID_FORWARDED_PROTO": "true"]) { outer in
                let addresses = ["-H", "X-Forwarded-For: 198.51.100.9", "-H", "X-Forwarded-For: 127.0.0.3"]
                for (second, isSecure) in [("https", true), ("http", false)] {
                    let protocols = ["-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-Proto: \(second)"]
                    let seen = try await outer.app.curl(
                        "http://127.0.0.1:\(outer.app.port)/seen",
                        ["--interface", "127.0.0.1"] + addresses + protocols
                    )
                    #expect(try seen.json(Seen.self) == Seen(secure: "\(isSecure)", client: "127.0.0.3"))
                }
            }
            try await self.with([
                "PARANOID_TRUSTED_PROXIES": "127.0.0.1", "PARANOID_FORWARDED": "forwarded", "PARANOID_FORWARDED_PROTO": "true",
            ]) { outer in
                for (last, isSecure) in [("https", true), ("http", false)] {
                    let seen = try await outer.direct(
                        from: "127.0.0.1",
                        "-H",
                        "Forwarded: for=198.51.100.9;proto=https",
                        "-H",
                        "Forwarded: for=127.0.0.3;proto=\(last)"
                    )
                    #expect(seen == Seen(secure: "\(isSecure)", client: "127.0.0.3"))
                }
            }
        }

        @Test("Forwarded (RFC 7239) is read where the setting says so, and the other fields are not", .timeLimit(.minutes(5)))
        func forwarded() async throws {
            let settings = ["PARANOID_TRUSTED_PROXIES": "127.0.0.1", "PARANOID_FORWARDED": "forwarded", "PARANOID_FORWARDED_PROTO": "true"]
            try await self.with(settings) { outer in
                #expect(try await outer.seen("standard", overTLS: true) == Seen(secure: "true", client: "127.0.0.3"))
                #expect(
                    try await outer.ask("standard", "/seen", overTLS: true, Self.lies).json(Seen.self)
                        == Seen(secure: "true", client: "127.0.0.3")
                )
                #expect(
                    try await outer.ask("standard", "/seen", overTLS: false, Self.lies).json(Seen.self)
                        == Seen(secure: "false", client: "127.0.0.3")
                )
                // A client that breaks the field takes from the balancer the power to say anything, and wins nothing.
                #expect(
                    try await outer.seen("standard", overTLS: true, "-H", "Forwarded: for=\"198.51.100.9;proto=https")
                        == Seen(secure: "false", client: "127.0.0.1")
                )
                #expect(try await outer.seen("stranger", overTLS: true) == Seen(secure: "false", client: "127.0.0.2"))
                let direct = try await outer.app.curl("http://127.0.0.1:\(outer.app.port)/seen", ["--interface", "127.0.0.3"] + Self.lies)
                #expect(try direct.json(Seen.self) == Seen(secure: "false", client: "127.0.0.3"))
            }
        }

        @Test("without PARANOID_FORWARDED_PROTO a trusted proxy names the client and not the protocol", .timeLimit(.minutes(5)))
        func off() async throws {
            try await self.with(["PARANOID_TRUSTED_PROXIES": "127.0.0.1"]) { outer in
                let seen = try await outer.seen("balancer", overTLS: true)
                #expect(seen == Seen(secure: "false", client: "127.0.0.3"))
            }
            try await self.with([:]) { outer in
                let seen = try await outer.ask("balancer", "/seen", overTLS: true, Self.lies).json(Seen.self)
                #expect(seen == Seen(secure: "false", client: "127.0.0.1"))
            }
        }
    }
}
