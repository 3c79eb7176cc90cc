import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Middleware through nginx")
    struct ShippedMiddleware {
        @Test("a rate limit counts the requests of all workers together, and goes on after a reload", .timeLimit(.minutes(5)))
        func rateLimit() async throws {
            try await TestApplication.with("stress-server", workers: 4, threads: 2, settings: ["STRESS_RATE": "12"]) { app in
                let answers = try await withThrowingTaskGroup(of: [CurlAnswer].self, returning: [CurlAnswer].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var all: [CurlAnswer] = []
                            for _ in 0..<8 { all.append(try await app.get("/limited")) }
                            return all
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                let served = answers.filter { $0.status == 200 }
                #expect(served.count == 12 && answers.count { $0.status == 429 } == 20)
                #expect(answers.filter { $0.status == 429 }.allSatisfy { Int($0.value("retry-after") ?? "") ?? 0 > 0 })
                let old = Set(app.workers)
                app.program.signal(SIGHUP)
                try await eventually("the workers are new") { app.workers.count == 4 && old.isDisjoint(with: app.workers) }
                #expect(try await app.get("/limited").status == 429)
                #expect(try await app.get("/hello").status == 200)
            }
        }

        @Test("static files come with conditions and ranges, and nginx serves the same directory in the same way", .timeLimit(.minutes(5)))
        func staticFiles() async throws {
            let folder = try TestFolder(isOpen: true)
            let files = FileManager.default
            try files.createDirectory(atPath: folder["public"], withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            try Data("body { }".utf8).write(to: URL(filePath: folder["public/style.css"]))
            try Data("secret".utf8).write(to: URL(filePath: folder["public/.env"]))
            try Data("secret".utf8).write(to: URL(filePath: folder["secret"]))
            try files.createSymbolicLink(atPath: folder["public/link.css"], withDestinationPath: folder["secret"])
            try await TestApplication.with("stress-server", workers: 1, settings: ["STRESS_STATIC": folder["public"]]) { app in
                for isNginx in [false, true] {
                    if isNginx {
                        let shipped = try String(contentsOfFile: "\(Requirements.root)/nginx/paranoid_static.conf", encoding: .utf8)
                        try app.configure(shipped.replacingOccurrences(of: "/srv/app/public/", with: folder["public/"]))
                        try await eventually("nginx serves the files") {
                            try await app.get("/static/style.css").value("cache-control") == "public, max-age=3600"
                        }
                    }
                    let whole = try await app.get("/static/style.css")
                    #expect(whole.status == 200 && whole.text == "body { }")
                    #expect(whole.value("x-content-type-options") == "nosniff")
                    // A worker of nginx from before the change may answer one request more, with a tag of its own.
                    try await eventually("the file is known again") {
                        let tag = try await app.get("/static/style.css").value("etag") ?? ""
                        return try await app.get("/static/style.css", "-H", "If-None-Match: \(tag)").status == 304
                    }
                    let part = try await app.get("/static/style.css", "-r", "0-3")
                    #expect(part.status == 206 && part.text == "body")
                    for path in [
                        "/static/.env", "/static/%2Eenv", "/static/link.css", "/static/../secret", "/static/..%2Fsecret",
                        "/static../secret",
                    ] {
                        let refused = try await app.get(path, "--path-as-is")
                        #expect(refused.status >= 400 && !refused.text.contains("secret"), "\(path) \(refused.status)")
                    }
                }
            }
        }

        @Test("a preflight is answered for a method that no route has", .timeLimit(.minutes(5)))
        func preflight() async throws {
            try await TestApplication.with("stress-server", workers: 1, settings: ["STRESS_CORS": "1"]) { app in
                let asked = [
                    "-X", "OPTIONS", "-H", "Origin: https://shop.example", "-H", "Access-Control-Request-Method: DELETE",
                ]
                let answer = try await app.curl(app.secure("/hello"), asked)
                #expect(answer.status == 204 && answer.value("access-control-allow-origin") == "https://shop.example")
                #expect(answer.value("access-control-allow-methods")?.contains("DELETE") == true)
                let missing = try await app.curl(app.secure("/nowhere"), ["-H", "Origin: https://shop.example"])
                #expect(missing.status == 404 && missing.value("access-control-allow-origin") == "https://shop.example")
            }
        }

        @Test(
            "a request's identifier is the web server's, and a trusted proxy's before it; a client has none to give",
            .timeLimit(.minutes(5))
        )
        func requestIdentifier() async throws {
            for (proxies, expected) in [("none", 32), ("127.0.0.1", 10)] {
                try await TestApplication.with("stress-server", workers: 1, settings: ["PARANOID_TRUSTED_PROXIES": proxies]) { app in
                    struct Seen: Decodable { var id: String }
                    let own = try await app.get("/seen", "-H", "X-Request-ID: proxy-0001")
                    #expect(try own.json(Seen.self).id.utf8.count == expected)
                    let late = try await app.get("/timed", "-H", "X-Request-ID: proxy-0001")
                    let identifier = try #require(late.value("x-request-id"))
                    #expect((identifier == "proxy-0001") == (expected == 10))
                    #expect(app.log.contains("request.id=\(identifier)"))
                }
            }
        }
    }
}
