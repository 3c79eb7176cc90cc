import Foundation
import TestSupport
import Testing

/// A web server other than nginx, with the configuration that this package ships for it.
enum OtherWebServer: String, CaseIterable, CustomTestStringConvertible {
    case apache = "apache.conf"
    case lighttpd = "lighttpd.conf"
    case haproxy = "haproxy.cfg"
    case caddy = "Caddyfile"

    var testDescription: String { "\(self)" }

    /// The program, where it is installed.
    var program: String? { Requirements.path(of: self == .apache ? "apache2" : "\(self)") }

    /// The command that runs it in the foreground.
    func words(_ program: String, in folder: TestFolder) -> [String] {
        let file = folder[self.rawValue]
        return switch self {
        case .apache: [program, "-d", folder.path, "-f", file, "-C", "User www-data", "-C", "Group www-data", "-DFOREGROUND"]
        case .lighttpd: [program, "-D", "-f", file]
        case .haproxy: [program, "-db", "-f", file]
        case .caddy: [program, "run", "--config", file, "--adapter", "caddyfile"]
        }
    }

    /// Whether it passes an upload of unknown length that is longer than its buffers; HAProxy 2.6 answers 400 itself.
    var passesChunks: Bool { self != .haproxy }

    static var installed: [OtherWebServer] { Self.allCases.filter { $0.program != nil } }
}

extension Integration {
    @Suite("Other web servers")
    struct OtherWebServers {
        @Test("that are not installed here are left out", arguments: OtherWebServer.allCases.filter { $0.program == nil })
        func absent(_ server: OtherWebServer) throws {
            try Test.cancel("\(server) is not installed")
        }

        @Test(
            "pass requests as nginx does, with the configuration that is shipped",
            .timeLimit(.minutes(5)),
            arguments: OtherWebServer.installed
        )
        func smoke(_ server: OtherWebServer) async throws {
            let folder = try TestFolder(isOpen: true)
            let ports = try FreePorts.find(2)
            try await self.makeCertificate(in: folder)
            let shipped = try String(contentsOfFile: "\(Requirements.root)/nginx/others/\(server.rawValue)", encoding: .utf8)
            let text =
                shipped.replacingOccurrences(of: "/run/paranoid/app.sock", with: folder["app.sock"])
                .replacingOccurrences(of: "8080", with: "\(ports[0])").replacingOccurrences(of: "8443", with: "\(ports[1])")
                .replacingOccurrences(of: "certificate.pem", with: folder["certificate.pem"])
                .replacingOccurrences(of: "private-key.pem", with: folder["private-key.pem"])
                .replacingOccurrences(of: "both.pem", with: folder["both.pem"])
                .replacingOccurrences(of: "error.log", with: folder["error.log"])
            try Data(text.utf8).write(to: URL(filePath: folder[server.rawValue]))
            // Servers that root starts become users of their own, whom a deployment puts into the group of the socket.
            try await BareProgram.with(in: folder, workers: 2, settings: ["PARANOID_LISTEN_MODE": "0666"]) { program in
                let process = try SpawnedCommand(
                    server.words(try #require(server.program), in: folder),
                    environment: Requirements.environment.merging(["HOME": folder.path, "XDG_DATA_HOME": folder.path]) { $1 },
                    output: folder["server.out"],
                    errors: folder["server.out"]
                )
                defer { process.signal(SIGTERM) }
                try await self.check(server, ports, folder, process, program)
                process.signal(SIGTERM)
                _ = await process.waitForEnd()
                // What it sent was a request each time, and no connection had to be closed.
                #expect(!program.log.contains("request refused"), "\(program.log)")
            }
        }

        private func check(
            _ server: OtherWebServer,
            _ ports: [Int],
            _ folder: TestFolder,
            _ process: SpawnedCommand,
            _ program: BareProgram
        ) async throws {
            let authority = folder["certificate.pem"]
            func send(_ path: String, _ words: String..., jar: CurlJar? = nil, isPlain: Bool = false) async throws -> CurlAnswer {
                let base = isPlain ? "http://localhost:\(ports[0])" : "https://localhost:\(ports[1])"
                return try await folder.curl(base + path, jar: jar, words, authority: authority)
            }
            try await eventually("\(server) answers") {
                if let ending = process.ending { throw TestFailure("it ended: \(ending)\n\(folder.text(of: "server.out"))") }
                return try await send("/hello").status == 200
            }
            struct Seen: Decodable { var secure, client, path, query, host, mark, authorization: String }
            let words = ["-H", "X-Mark: a b", "-H", "Authorization: Bearer x", "-H", "Proxy: evil", "-H", "X-Forwarded-For: 203.0.113.7"]
            let seen = try await folder.curl("https://localhost:\(ports[1])/seen?q=%C3%BC%26", words, authority: authority).json(Seen.self)
            #expect(seen.secure == "true" && seen.client == "127.0.0.1" && seen.path == "/seen" && seen.query == "\u{FC}&")
            #expect(seen.host == "localhost:\(ports[1])" && seen.mark == "a b" && seen.authorization == "Bearer x")
            let plain = try await send("/seen", isPlain: true).json(Seen.self)
            #expect(plain.secure == "false" && plain.client == "127.0.0.1")
            #expect(try await send("/echo", "-d", "a=b c").text == "a=b c")
            #expect(try await send("/hello", "--head").status == 200)
            #expect(try await send("/absent%2Fx").status == 404)
            #expect(try await send("/hello", "-X", "DELETE").value("allow") == "GET, HEAD, OPTIONS")

            let file = folder["body"]
            try Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 9)) }).write(to: URL(filePath: file))
            #expect(try await send("/count", "--data-binary", "@\(file)").text == "3000000")
            let chunked = try await send("/count", "--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary", "@\(file)")
            if server.passesChunks { #expect(chunked.text == "3000000") }
            #expect(try await send("/zeros?mb=3").body.count == 3 << 20)

            let jar = try CurlJar(in: folder)
            let login = try await send("/login", "-d", "user=anna", jar: jar)
            #expect(login.status == 303 && login.values("set-cookie").count >= 3)
            for _ in 0..<5 { #expect(try await send("/who", jar: jar).text == "anna /who") }
            // Events leave as they come, and a client that goes ends them.
            let events = try await send("/events", "-N", "--max-time", "2")
            #expect(events.text.hasPrefix(":\n\nid: 1\ndata: open\n\n"))
            try await eventually("the stream has ended") { try KeptConnection.get("/waiting", from: program.socket) == "0" }
        }

        private func makeCertificate(in folder: TestFolder) async throws {
            let made = try SpawnedCommand(
                [
                    "bash", "-c",
                    """
                    cd "$0" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
                    -addext subjectAltName=DNS:localhost -keyout private-key.pem -out certificate.pem && cat certificate.pem private-key.pem > both.pem
                    """, folder.path,
                ],
                environment: Requirements.environment
            )
            #expect(await made.waitForEnd() == .exited(0))
        }
    }
}
