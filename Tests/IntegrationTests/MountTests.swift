import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Two applications on one host")
    struct Mounts {
        @Test("at / and at /two have routes, links, redirects and cookies of their own", .timeLimit(.minutes(5)))
        func two() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                let folder = try TestFolder()
                try await BareProgram.with(in: folder, settings: ["PARANOID_MOUNT": "/two"], path: "/two") { two in
                    let shipped = try String(contentsOfFile: "\(Requirements.root)/nginx/two-applications.conf", encoding: .utf8)
                    // The location of the first application is there already.
                    let start = try #require(shipped.range(of: "location = /two"))
                    try app.configure(
                        shipped[start.lowerBound...].replacingOccurrences(of: "/run/paranoid/two.sock", with: two.socket)
                    )
                    try await eventually("nginx knows the second application") { try await app.get("/two/hello").text == "hello\n" }

                    let jar = try app.jar()
                    let first = try await app.post("/login", jar: jar, form: ["user": "anna"])
                    #expect(first.status == 303 && first.value("location") == "/who")
                    let second = try await app.post("/two/login", jar: jar, form: ["user": "berta"])
                    #expect(second.status == 303 && second.value("location") == "/two/who")
                    for _ in 0..<3 {
                        #expect(try await app.get("/who", jar: jar).text == "anna /who")
                        #expect(try await app.get("/two/who", jar: jar).text == "berta /two/who")
                    }
                    let names = jar.cookies.keys.filter { $0.contains("session") }
                    #expect(names.count { $0.contains(".two") } == 3 && names.count { !$0.contains(".two") } == 3, "\(names)")
                    #expect(try await app.get("/two/seen").text.contains(#""path":"/seen""#))
                    #expect(try await app.get("/two/absent").status == 404)
                    let bare = try await app.get("/two")
                    #expect(bare.status == 308 && bare.value("location")?.hasSuffix("/two/") == true)
                    #expect(!two.log.contains("a cookie's name"))
                }
            }
        }

        @Test("are warned about where a setting gives both one cookie, and about requests that are none of theirs", .timeLimit(.minutes(5)))
        func warnings() async throws {
            try await BareProgram.with(settings: ["PARANOID_MOUNT": "/two", "SESSION_COOKIE_NAME": "sessionid"], path: "/two") { program in
                #expect(program.log.contains("a cookie's name is also that of an application at the root of the host"))
                #expect(program.log.contains("setting=SESSION_COOKIE_NAME"))
                #expect(try KeptConnection.get("/hello", from: program.socket).contains("Not Found"))
                try await eventually("the log says so") { program.log.contains("a request's path is not below the mount point") }
            }
        }

        @Test("routes have times of their own", .timeLimit(.minutes(5)))
        func timeouts() async throws {
            try await TestApplication.with("stress-server", workers: 1) { app in
                let late = try await app.get("/timed")
                #expect(late.status == 503)
                #expect(app.log.contains("A route takes too long and is cancelled."))
                #expect(app.log.contains("http.route=/timed"))
            }
        }
    }
}
