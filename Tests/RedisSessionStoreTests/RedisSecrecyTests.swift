#if Redis
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@testable import RedisSessionStore

/// Bytes in which secrets are looked for, as they are and in the forms in which bytes are written down.
struct Haystack {
    /// How many bytes of a secret are looked for at a time: a part of it that is as long as two of these is found.
    private static let piece = 12
    private let bytes: Data

    init(_ bytes: [UInt8]) {
        self.bytes = Data(bytes)
    }

    /// The form in which a part of the secret occurs; `nil`: it does not.
    func form(of secret: [UInt8]) -> String? {
        for begin in stride(from: 0, to: max(1, secret.count - Self.piece + 1), by: Self.piece) {
            let piece = Array(secret[begin..<min(begin + Self.piece, secret.count)])
            for (name, form) in Self.forms(of: piece) where self.bytes.range(of: Data(form)) != nil { return name }
        }
        return nil
    }

    private static func forms(of piece: [UInt8]) -> [(String, [UInt8])] {
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = piece.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        var forms = [
            ("as it is", piece), ("hexadecimal", hexadecimal),
            ("HEXADECIMAL", Array(String(decoding: hexadecimal, as: UTF8.self).uppercased().utf8)),
        ]
        for lead in 0..<3 {
            // Behind bytes of others; the first and the last characters depend on these, too.
            let text = Data([UInt8](repeating: 0, count: lead) + piece).base64EncodedString().filter { $0 != "=" }
            let inner = text.dropFirst(lead == 0 ? 0 : lead + 1).dropLast((lead + piece.count) % 3 == 0 ? 0 : 1)
            forms.append(("base64", Array(inner.utf8)))
            forms.append(
                (
                    "base64url",
                    inner.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
                )
            )
        }
        return forms
    }
}

/// What `MONITOR` tells of a server: every command with its words, also those of scripts.
private struct Watch {
    private static let program = "/usr/bin/redis-cli"
    private let process: LeashedProcess
    private let log: String
    private let server: RedisServer

    init(_ server: RedisServer) async throws {
        self.server = server
        let log = "\(server.directory)/monitor"
        self.log = log
        self.process = try LeashedProcess(Self.program, ["-s", server.socket, "MONITOR"], log: log)
        try await eventually("the server is watched") { (try? String(contentsOfFile: log, encoding: .utf8))?.hasPrefix("OK") == true }
    }

    /// All that was sent until now, without the escapes of `MONITOR`.
    func bytes() async throws -> [UInt8] {
        let mark = "mark-\(UInt64.random(in: 0 ... .max))"
        _ = try await self.server.reply("ECHO", mark)
        var found: [UInt8] = []
        try await eventually("the watch sees all") {
            found = Self.unescaped(Array(try Data(contentsOf: URL(filePath: self.log))))
            return Data(found).range(of: Data(mark.utf8)) != nil
        }
        return found
    }

    static func unescaped(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "a"): bytes.append(7)
            case UInt8(ascii: "b"): bytes.append(8)
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: bytes.append(next)
            }
        }
        return bytes
    }
}

@Suite("What a Redis sees of an application", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisSecrecyTests {
    private static let user = "ann.geheim@example.org"
    private static let basket = SessionKey<String>("key-of-the-basket")
    private static let wish = "nine red shoes of size 38"

    private func application(_ store: String) throws -> Application {
        let app = try Application(configuration: .testing(["PARANOID_STORE": store, "PARANOID_ANONYMOUS_LIMIT": "1000"]))
        app.post("/login") { request in
            try await request.session.logIn(as: Self.user)
            return "in"
        }
        app.post("/logout") { request in
            try await request.session.logOut()
            return "out"
        }
        app.get("/wish") { request in
            try await request.session.update(Self.basket, default: "") { wish in wish = "\(wish)\(Self.wish), " }
            return try await request.session.csrfToken
        }
        app.get("/user") { request in "\(try await request.session.user ?? "-")" }
        return app
    }

    /// Sessions begin, change, log in and out, and are revoked.
    ///
    /// - Returns: What nobody but client and application may know, by what it is.
    private func live(_ app: Application) async throws -> [(what: String, secret: [UInt8])] {
        var secrets: [(String, [UInt8])] = [
            ("user", Array(Self.user.utf8)), ("value", Array(Self.wish.utf8)), ("key of a value", Array("key-of-the-basket".utf8)),
        ]
        func note(_ client: TestClient) {
            for cookie in client.cookies.values where cookie.utf8.count > 16 {
                secrets.append(("cookie", Array(cookie.utf8)))
                let standard =
                    cookie.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
                    + [Character](repeating: "=", count: (4 - cookie.utf8.count % 4) % 4)
                if let bytes = Data(base64Encoded: String(standard)) { secrets.append(("bytes of a cookie", Array(bytes))) }
            }
        }
        try await app.test { client in
            for round in 0..<3 {
                for _ in 0..<2 {
                    let wish = try await client.get("/wish")
                    #expect(wish.status == 200)
                    secrets.append(("token of a form", Array(wish.text.utf8)))
                    note(client)
                }
                let login = try await client.post("/login")
                #expect(login.status == 200)
                note(client)
                let wish = try await client.get("/wish")
                secrets.append(("token of a form", Array(wish.text.utf8)))
                var other = TestClient(app)
                _ = try await other.post("/login")
                note(other)
                switch round {
                case 0: _ = try await client.post("/logout")
                case 1: _ = try await app.sessions.revokeAll(user: Self.user)
                default: try await app.sessions.revokeEveryone()
                }
                note(client)
                let after = try await client.get("/user")
                #expect(after.text == "-")
            }
            let kept = try Data(contentsOf: URL(filePath: app.configuration.secretFile))
            secrets.append(("secret of the application", Array(kept)))
        }
        #expect(secrets.count(where: { $0.0 == "bytes of a cookie" }) > 8)
        return secrets
    }

    private func expectNoTrace(of secrets: [(what: String, secret: [UInt8])], in bytes: [UInt8], _ place: String) {
        let haystack = Haystack(bytes)
        for (what, secret) in secrets {
            let form = haystack.form(of: secret)
            #expect(form == nil, "\(place): \(what) is there, \(form ?? "")")
        }
        // One of each in any form would be found.
        for (what, secret) in secrets {
            for form in [secret, Array(Data(secret).base64EncodedData()), secret.flatMap { Array(String(format: "%02x", $0).utf8) }] {
                let planted = Haystack(bytes.suffix(50) + form + [1])
                #expect(planted.form(of: secret) != nil, "\(what) would not be found")
            }
        }
    }

    @Test("MONITOR and the file of commands show no identifier, cookie, token, user, key or value, in no form")
    func single() async throws {
        let server = try await RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
        let watch = try await Watch(server)
        let secrets = try await self.live(try self.application(try server.place("shop")))
        let seen = try await watch.bytes()
        // The watch saw what there was to see: commands, scripts and what these do, names and sealed values.
        let text = String(decoding: seen, as: UTF8.self)
        for word in ["GET", "evalsha", "smembers", "hincrby", "zadd", ":{control}", "shop:{", ":s:", ":u"] {
            #expect(text.localizedCaseInsensitiveContains(word), "\(word) was not seen")
        }
        self.expectNoTrace(of: secrets + [("password", Array(RedisServer.password.utf8))], in: seen, "MONITOR")
        let written = try server.appendedBytes()
        #expect(written.count > 5000)
        self.expectNoTrace(of: secrets, in: written, "the file of commands")
    }

    @Test("no node of a cluster is shown any of it either")
    func cluster() async throws {
        let cluster = try await RedisCluster()
        var watches: [Watch] = []
        for node in cluster.nodes { watches.append(try await Watch(node)) }
        let secrets = try await self.live(try self.application(try cluster.place(prefix: "shop")))
        var seen: [UInt8] = []
        for watch in watches { seen += try await watch.bytes() }
        #expect(String(decoding: seen, as: UTF8.self).contains("shop:{control}"))
        self.expectNoTrace(of: secrets, in: seen, "MONITOR")
    }

    @Test("what MONITOR has escaped is read as it was")
    func escapes() {
        #expect(Watch.unescaped(Array(#"a\x00\xfF\n\r\t\a\b\\\"z"#.utf8)) == [97, 0, 255, 10, 13, 9, 7, 8, 92, 34, 122])
    }
}
#endif
