import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Bad input")
    struct BadInput {
        @Test("in cookies is no session, and no worker minds", .timeLimit(.minutes(5)))
        func cookies() async throws {
            try await TestApplication.with { app in
                let workers = app.workers
                let values = [
                    "", "x", "../../../../etc/passwd", "..%2f..%2fsecret", "%00", "a%00b", "\"quoted\"", "\"", "ä€😀", "a b c", "a,b", "\\",
                    "{}",
                    String(repeating: "A", count: 43), String(repeating: "A", count: 44), String(repeating: "A", count: 45),
                    String(repeating: "-", count: 44), String(repeating: "/", count: 44), String(repeating: "=", count: 44),
                    String(repeating: "A", count: 10_000),
                ]
                for name in ["__Host-sessionid", "__Host-sessionnonce", "__Host-sessionid_https"] {
                    for value in values {
                        let answer = try await app.get("/session/peek", "-H", "Cookie: \(name)=\(value)")
                        let report = try answer.report()
                        #expect(answer.status == 200 && report.verdict == "none" && report.hits == 0, "\(name)=\(value.prefix(50))")
                    }
                }
                let fields = [
                    "=", ";", ";;;;", "=;=;=", "__Host-sessionid", "__Host-sessionid; __Host-sessionid",
                    "__Host-sessionid=a; __Host-sessionid=b", " __Host-sessionid = x ",
                    String(repeating: "a=b; ", count: 1_500), "SESSIONID=x", "session\tid=x",
                ]
                for field in fields {
                    let answer = try await app.get("/session/peek", "-H", "Cookie: \(field)")
                    #expect([200, 400].contains(answer.status), "\(field.prefix(50)): \(answer.status)")
                    #expect(answer.values("set-cookie").allSatisfy { $0.contains("Max-Age=0") || $0.contains("1970") })
                }
                // Nothing was made for any of them.
                #expect(try FileManager.default.subpathsOfDirectory(atPath: app.folder["sessions"]).allSatisfy { !$0.contains("passwd") })
                #expect(app.workers == workers)
                #expect(try await app.get("/session").report().verdict == "new")
            }
        }

        @Test("with a real session's cookie beside it does not confuse the guard", .timeLimit(.minutes(5)))
        func duplicates() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.get("/session", jar: jar)
                let field = jar.field
                let evil = "__Host-sessionid=\(String(repeating: "A", count: 44))"
                for cookies in ["\(field); \(evil)", "\(evil); \(field)"] {
                    let report = try await app.get("/session/peek", "-H", "Cookie: \(cookies)").report()
                    // Whichever is taken, the session is either this one or none; no other can appear.
                    #expect([0, 1].contains(report.hits))
                }
            }
        }

        @Test("in paths, queries and fields is 400 or harmless", .timeLimit(.minutes(5)))
        func requests() async throws {
            try await TestApplication.with { app in
                let workers = app.workers
                for (line, statuses) in [
                    ("GET /hello%zz HTTP/1.1", [400]),
                    ("GET /%ff%fe HTTP/1.1", [400]),
                    ("GET /hello%00 HTTP/1.1", [400]),
                    ("GET /hello% HTTP/1.1", [400]),
                    ("GET /../../etc/passwd HTTP/1.1", [400]),
                    ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", [400, 404]),
                    ("GET //hello HTTP/1.1", [404]),
                    ("GET /slow?ms=%zz HTTP/1.1", [400]),
                    ("GET /slow?ms=99999999999999999999 HTTP/1.1", [400]),
                    ("GET /hello?%00%ff=%zz&&&=== HTTP/1.1", [200]),
                    ("BREW /hello HTTP/1.1", [400, 405]),
                ] {
                    let answer = try StreamClient.ask(port: app.port, [line, "Host: localhost"])
                    let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                    #expect(statuses.contains(status), "\(line): \(answer.prefix(60))")
                    #expect(!answer.contains("root:"))
                }
                for field in ["X-Odd: a\u{1}b", "X-Odd: \u{7f}", "X_Odd: x", ": x", "Proxy: x", "Cookie: __Host-sessionid=a\u{1}b"] {
                    let answer = try StreamClient.ask(port: app.port, ["GET /params HTTP/1.1", "Host: localhost", field])
                    let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                    #expect([200, 400].contains(status), "\(field.debugDescription): \(answer.prefix(60))")
                    #expect(!answer.contains("HTTP_PROXY"))
                }
                #expect(app.workers == workers)
            }
        }

        @Test("in bodies is refused with the right status", .timeLimit(.minutes(5)))
        func bodies() async throws {
            try await TestApplication.with { app in
                let workers = app.workers
                let file = app.folder["body"]
                try Data(count: 3 << 20).write(to: URL(filePath: file))
                for path in ["/echo", "/login", "/session/values"] {
                    let answer = try await app.get(
                        path,
                        "-X",
                        "POST",
                        "-H",
                        "Content-Type: application/x-www-form-urlencoded",
                        "-H",
                        "Expect:",
                        "--data-binary",
                        "@\(file)"
                    )
                    #expect(answer.status == 413, "\(path)")
                }
                for form in ["user=%zz", "user=%ff", "user=%00", "", "other=x", "%75ser"] {
                    let answer = try await app.get("/login", "-X", "POST", "-d", form)
                    #expect(answer.status == 400, "\(form)")
                    #expect(answer.values("set-cookie").isEmpty)
                }
                let json = try await app.get("/login", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{\"user\":\"x\"}")
                #expect(json.status == 415)
                #expect(app.workers == workers)
                #expect(try await app.get("/hello").status == 200)
            }
        }

        @Test("in the records of a body is the sender's fault, not a failure of the handler", .timeLimit(.minutes(5)))
        func records() async throws {
            try await BareProgram.with { program in
                let cases: [(String, [(String, String)], [(kind: UInt8, content: [UInt8])], String)] = [
                    ("shorter than declared", [("CONTENT_LENGTH", "5")], [(5, [1, 2]), (5, [])], "400"),
                    ("given up", [("CONTENT_LENGTH", "5")], [(5, [1, 2]), (2, [])], "400"),
                    ("given up, of unknown length", [], [(5, [1, 2]), (2, [])], "400"),
                    ("followed by parameters", [("CONTENT_LENGTH", "5")], [(5, [1, 2]), (4, [])], "400"),
                    ("shorter than the client said", [("HTTP_CONTENT_LENGTH", "5")], [(5, [1, 2, 3, 4]), (5, [])], "400"),
                    ("longer than the client said", [("HTTP_CONTENT_LENGTH", "5")], [(5, [1, 2, 3, 4, 5, 6]), (5, [])], "400"),
                    ("withheld", [("HTTP_CONTENT_LENGTH", "5"), ("CONTENT_LENGTH", "")], [(5, [])], "400"),
                    ("as long as the client said", [("HTTP_CONTENT_LENGTH", "2")], [(5, [65]), (5, [66]), (5, [])], "200"),
                ]
                for (name, more, records, status) in cases {
                    let answer = try KeptConnection(path: program.socket).post("/echo", more, records)
                    #expect(answer.hasPrefix("Status: \(status)"), "\(name): \(answer)")
                }
                #expect(!program.log.contains("the handler has failed"), "\(program.log)")
            }
        }
    }
}
