import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("The demo's routes")
    struct Routes {
        @Test("answer as the table says, over HTTP and HTTPS", .timeLimit(.minutes(5)))
        func table() async throws {
            try await TestApplication.with { app in
                for base in [app.plain(""), app.secure("")] {
                    let hello = try await app.curl(base + "/hello")
                    #expect(hello.status == 200)
                    #expect(hello.text == "hello\n")
                    #expect(hello.value("content-type") == "text/plain; charset=utf-8")
                    #expect(hello.values("set-cookie").isEmpty)

                    let head = try await app.curl(base + "/hello", ["--head"])
                    #expect(head.status == 200)
                    #expect(head.value("content-length") == "6")
                    #expect(head.body.isEmpty || head.text.hasPrefix("HTTP/"))

                    let options = try await app.curl(base + "/hello", ["-X", "OPTIONS"])
                    #expect(options.value("allow")?.contains("GET") == true)
                    let wrongMethod = try await app.curl(base + "/hello", ["-X", "DELETE"])
                    #expect(wrongMethod.status == 405)
                    #expect(wrongMethod.value("allow")?.contains("GET") == true)
                    let missing = try await app.curl(base + "/hello/there")
                    #expect(missing.status == 404)
                    #expect(missing.values("set-cookie").isEmpty)
                }
            }
        }

        @Test("show a page that needs nothing from elsewhere", .timeLimit(.minutes(5)))
        func page() async throws {
            try await TestApplication.with { app in
                let jar = try app.jar()
                _ = try await app.post("/login", jar: jar, form: ["user": "<b>&\"'"])
                let page = try await app.get("/", jar: jar)
                #expect(page.status == 200)
                #expect(page.value("content-type") == "text/html; charset=utf-8")
                #expect(page.text.contains("&lt;b&gt;&amp;&quot;&#39;"))
                #expect(!page.text.contains("<b>&\""))
                #expect(!page.text.contains("src="))
                #expect(!page.text.contains("://fonts"))
                #expect(page.value("content-security-policy")?.contains("default-src 'none'") == true)
                #expect(page.text.contains("data-verdict=\"accepted\""))
            }
        }

        @Test("echo a body of many megabytes unchanged, with its content type", .timeLimit(.minutes(5)))
        func echo() async throws {
            try await TestApplication.with { app in
                // Within the default limit of 2 MiB, and no repetition at the sizes of buffers.
                let bytes = Data((0..<1_900_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 9)) })
                let file = app.folder["body"]
                try bytes.write(to: URL(filePath: file))
                let answer = try await app.get("/echo", "-H", "Content-Type: application/x-test", "--data-binary", "@\(file)")
                #expect(answer.status == 200)
                #expect(answer.value("content-type") == "application/x-test")
                #expect(answer.body == bytes)

                let empty = try await app.post("/echo")
                #expect(empty.status == 200)
                #expect(empty.body.isEmpty)
            }
        }

        @Test("show the parameters, but neither HTTP_PROXY nor the values of cookies", .timeLimit(.minutes(5)))
        func parameters() async throws {
            try await TestApplication.with { app in
                let answer = try await app.get(
                    "/params?a=%20b",
                    "-H",
                    "Proxy: http://evil.example",
                    "-H",
                    "X-Paranoid: yes",
                    "-H",
                    "Cookie: plum=secret-jam"
                )
                let parameters = try answer.json([String: String].self)
                #expect(parameters["REQUEST_METHOD"] == "GET")
                #expect(parameters["QUERY_STRING"] == "a=%20b")
                #expect(parameters["REMOTE_ADDR"] == "127.0.0.1")
                #expect(parameters["HTTPS"] == "on")
                #expect(parameters["HTTP_X_PARANOID"] == "yes")
                #expect(parameters["HTTP_PROXY"] == nil)
                #expect(parameters["HTTP_COOKIE"]?.contains("plum") == true)
                #expect(!answer.text.contains("secret-jam"))
                let plain = try await app.curl(app.plain("/params")).json([String: String].self)
                #expect(plain["HTTPS"] == nil)
            }
        }

        @Test("let more slow requests wait than there are threads", .timeLimit(.minutes(5)))
        func slow() async throws {
            // One worker with two threads: if a waiting request held one, all eight would take four times as long as one, and /hello
            // could not be answered between their begin and their end.
            try await TestApplication.with(workers: 1, threads: 2) { app in
                async let waiting = withThrowingTaskGroup(of: CurlAnswer.self) { group in
                    for _ in 0..<8 { group.addTask { try await app.get("/slow?ms=5000") } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                try await eventually("all slow requests are accepted") { app.acceptedConnections >= 8 }
                #expect(try await app.get("/hello").status == 200)
                #expect(try await waiting.allSatisfy { $0.status == 200 })
                #expect(try await app.get("/slow?ms=-1").status == 400)
                #expect(try await app.get("/slow").status == 400)
            }
        }

        @Test("leak nothing when a handler throws", .timeLimit(.minutes(5)))
        func error() async throws {
            try await TestApplication.with { app in
                let answer = try await app.get("/error")
                #expect(answer.status == 500)
                #expect(answer.text == "Internal Server Error\n")
                #expect(app.log.contains("this text goes to the log"))
                #expect(try await app.get("/crash").status == 404)
            }
        }

        @Test("name the worker that answers, and survive a trap in it", .timeLimit(.minutes(5)))
        func crash() async throws {
            struct Worker: Decodable {
                var pid: Int32
                var thread: Int
            }
            try await TestApplication.with(settings: ["DEMO_ALLOW_CRASH": "1"]) { app in
                let before = app.workers
                let worker = try await app.get("/worker").json(Worker.self)
                #expect(before.contains(worker.pid))
                #expect(worker.thread > 0)

                #expect(try await app.get("/crash").status == 502)
                try await eventually("the dead workers are replaced") {
                    app.workers.count == before.count && app.workers != before
                }
                #expect(try await app.get("/hello").status == 200)
            }
        }
    }
}
