#if Redis
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

/// A Redis that speaks TLS only, and a tunnel to it that shows a certificate and asks for one.
private final class Tunnel: Sendable {
    static let program = ["/usr/bin/stunnel4", "/usr/bin/stunnel"].first { FileManager.default.isExecutableFile(atPath: $0) }
    static var isInstalled: Bool { Self.program != nil && RedisServer.isInstalled }

    let directory: String
    let port: Int
    let server: RedisServer
    let process: LeashedProcess

    /// - Parameters:
    ///   - host: The name that the server's certificate has to have.
    ///   - trustsServer: Whether the tunnel knows who has signed it.
    init(host: String = "redis.example.org", trustsServer: Bool = true) async throws {
        let directory = NSTemporaryDirectory() + "paranoid-tunnel-\(UInt64.random(in: 0 ... .max))"
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Self.makeCertificates(in: directory)
        let ports = try FreePorts.find(2)
        self.port = ports[1]
        var options = [
            "--tls-port", "\(ports[0])", "--tls-cert-file", "\(directory)/server.pem", "--tls-key-file", "\(directory)/server.key",
        ]
        options += ["--tls-ca-cert-file", "\(directory)/ca.pem", "--tls-auth-clients", "yes"]
        // It is restarted with what it has.
        options += ["--appendonly", "yes", "--appendfsync", "always"]
        self.server = try await RedisServer(options)
        let lines = [
            "foreground = yes", "pid =", "syslog = no", "[redis]", "client = yes", "accept = 127.0.0.1:\(ports[1])",
            "connect = 127.0.0.1:\(ports[0])",
            "CAfile = \(directory)/\(trustsServer ? "ca" : "other").pem", "verifyChain = yes", "checkHost = \(host)",
            "cert = \(directory)/client.pem", "key = \(directory)/client.key", "sslVersionMin = TLSv1.2", "",
        ]
        let file = "\(directory)/stunnel.conf"
        try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        self.process = try LeashedProcess(Self.program ?? "", [file], log: "\(directory)/log")
    }

    deinit {
        self.process.end()
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    /// Two authorities; the first has signed for the server and for its client.
    private static func makeCertificates(in directory: String) throws {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
        var lines = ["set -e", "cd \(directory)"]
        for name in ["ca", "other"] { lines.append("openssl req -x509 \(key) -keyout \(name).key -out \(name).pem -subj /CN=\(name)") }
        lines.append("echo subjectAltName=DNS:redis.example.org > names")
        for name in ["server", "client"] {
            lines.append("openssl req \(key) -keyout \(name).key -out \(name).csr -subj /CN=\(name)")
            lines.append(
                "openssl x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out \(name).pem -extfile names"
            )
        }
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", "{ \(lines.joined(separator: "\n"))\n} > \(directory)/openssl.log 2>&1"]
        shell.standardInput = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else {
            throw TestFailure((try? String(contentsOfFile: "\(directory)/openssl.log", encoding: .utf8)) ?? "no certificates")
        }
    }

    func place(_ prefix: String = "paranoid", timeout: Int = 60) throws -> String {
        "redis://\(try self.server.credentials(prefix))127.0.0.1:\(self.port)?prefix=\(prefix)&timeout=\(timeout)"
    }
}

@Suite("A Redis behind TLS, through a tunnel", .enabled(if: Tunnel.isInstalled, "redis-server or stunnel4 is not installed"))
struct RedisTunnelTests {
    private func application(_ tunnel: Tunnel) throws -> Application {
        let app = try Application(configuration: .testing(["PARANOID_STORE": try tunnel.place(timeout: 3)]))
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        app.get("/user") { request in "\(try await request.session.user ?? "-")" }
        return app
    }

    @Test("the store keeps every promise")
    func conforms() async throws {
        let tunnel = try await Tunnel()
        let client = try RedisClient(try RedisAddress(try tunnel.place()))
        try await eventually("the tunnel carries") { (try? await client.send(RedisCommand(["PING"])).reply) == .status("PONG") }
        for check in SessionStoreConformance.Check.allCases {
            let place = try tunnel.place("tunnel-\(check)")
            try await SessionStoreConformance { try RedisSessionStore(.init(address: RedisAddress(place))) }.run(check)
        }
    }

    @Test("the application answers 503 when the tunnel dies, hangs, or has nothing behind it, and goes on afterwards")
    func faults() async throws {
        let tunnel = try await Tunnel()
        let app = try self.application(tunnel)
        try await app.test { client in
            try await eventually("the tunnel carries") { try await client.post("/login").status == 200 }
            func expectPause(_ what: String, _ begin: () throws -> Void, _ end: () async throws -> Void) async throws {
                try begin()
                // A signal takes a moment.
                try await eventually("\(what) is noticed") { try await client.get("/user").status == 503 }
                for _ in 0..<4 {
                    let response = try await client.get("/user")
                    #expect(response.status == 503, "\(what)")
                    #expect(response.header(.retryAfter) != nil)
                    #expect(response.header(.setCookie) == nil)
                }
                try await end()
                try await eventually("the application serves again after \(what)") {
                    let response = try await client.get("/user")
                    guard response.status == 200 else { return false }
                    #expect(response.text == "ann", "\(what)")
                    return true
                }
            }
            try await expectPause("a tunnel that has died") {
                tunnel.process.end()
            } _: {
                try tunnel.process.restart()
            }
            try await expectPause("a tunnel that hangs") {
                tunnel.process.signal(SIGSTOP)
            } _: {
                tunnel.process.signal(SIGCONT)
            }
            try await expectPause("a server that has died") {
                tunnel.server.end()
            } _: {
                try await tunnel.server.restart()
            }
        }
    }

    @Test("a server that shows the certificate of another name, or of an unknown authority, gets nothing", arguments: [true, false])
    func wrongServer(isOtherName: Bool) async throws {
        let tunnel = try await Tunnel(host: isOtherName ? "other.example.org" : "redis.example.org", trustsServer: isOtherName)
        let store = try RedisSessionStore(.init(address: RedisAddress(try tunnel.place(timeout: 1))))
        try await eventually("the tunnel has refused the server") {
            await #expect { try await store.read(makeName()) } throws: { ($0 as? SessionStoreError)?.code == .unavailable }
            let log = (try? String(contentsOfFile: "\(tunnel.directory)/log", encoding: .utf8)) ?? ""
            return log.contains("certificate verify failed") || log.contains("Certificate check failed") || log.contains("CERT: ")
        }
        // Neither the password nor a command has arrived; the questions of this test need no password.
        let commands = try await tunnel.server.reply("INFO", "commandstats").bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
        #expect(commands.contains("cmdstat_acl") && !commands.contains("cmdstat_auth") && !commands.contains("cmdstat_get:"))
    }
}
#endif
