import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Applications below a path")
struct MountTests {
    /// The answer of an application to a path, with the cookies that it sets.
    private func application(_ environment: [String: String] = [:]) throws -> (Application, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        var all = ["STATE_DIRECTORY": directory.path, "PARANOID_MOUNT": "/two"]
        all.merge(environment) { $1 }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let app = try Application(configuration: ApplicationConfiguration(environment: all), logger: logger)
        app.get("/") { request in "home \(request.path) \(request.link(to: "/account"))" }
        app.get("/account/{id}") { request in "account \(request.pathParameter("id") ?? "") \(request.path)" }
        app.get("/go") { _ in Response.redirect(to: "/account/1?x=y") }
        app.get("/away") { _ in Response.redirect(to: "https://elsewhere.example/") }
        app.get("/other-host") { _ in Response.redirect(to: "//elsewhere.example/") }
        app.post("/login") { request in
            try await request.session.logIn(as: "anna")
            return "in"
        }
        app.get("/form") { request in try await request.session.csrfToken }
        return (app, directory)
    }

    private func get(_ app: Application, _ path: String) async throws -> TestResponse {
        var client = TestClient(app)
        return try await client.send(.get, path)
    }

    @Test("have routes, links and redirects of their own paths")
    func paths() async throws {
        let (app, directory) = try self.application()
        defer { withExtendedLifetime(directory) {} }
        #expect(try await self.get(app, "/two").text == "home / /two/account")
        #expect(try await self.get(app, "/two/").text == "home / /two/account")
        #expect(try await self.get(app, "/two/account/a%2Fb").text == "account a/b /account/a/b")
        #expect(try await self.get(app, "/%74wo/account/7").text == "account 7 /account/7")
        #expect(try await self.get(app, "/two/go").header(.location) == "/two/account/1?x=y")
        #expect(try await self.get(app, "/two/away").header(.location) == "https://elsewhere.example/")
        #expect(try await self.get(app, "/two/other-host").header(.location) == "//elsewhere.example/")
    }

    @Test("get no request for another path", arguments: ["/", "/account/1", "/twofold", "/two%2Faccount/1", "/TWO/", "/tw"])
    func strays(_ path: String) async throws {
        let (app, directory) = try self.application()
        defer { withExtendedLifetime(directory) {} }
        #expect(try await self.get(app, path).status == 404)
    }

    @Test("have cookies of their own, and those of an application at the root do not disturb them")
    func cookies() async throws {
        let (two, directory) = try self.application()
        let (root, other) = try self.application(["PARANOID_MOUNT": "none"])
        defer { withExtendedLifetime((directory, other)) {} }
        var client = TestClient(root)
        _ = try await client.send(.get, "/form")
        _ = try await client.send(.post, "/login")
        let rootNames = Set(client.cookies.keys)
        var both = TestClient(two)
        both.cookies = client.cookies
        _ = try await both.send(.get, "/two/form")
        _ = try await both.send(.post, "/two/login")
        let twoNames = Set(both.cookies.keys).subtracting(rootNames)
        #expect(rootNames.count >= 4 && rootNames.allSatisfy { !$0.contains(".two") })
        #expect(twoNames.count >= 4 && twoNames.allSatisfy { $0.hasPrefix("__Host-") && $0.contains(".two") })
        #expect(twoNames.contains("__Host-csrf.two"))
        #expect(client.cookies.allSatisfy { both.cookies[$0.key] == $0.value })
    }

    @Test("have their path in the cookies of profile compatible, whose names have no prefix")
    func compatible() throws {
        let configuration = try ApplicationConfiguration(
            environment: ["HOME": "/nonexistent", "PARANOID_MOUNT": "/a/b", "PSESSION_PROFILE": "compatible"]
        )
        #expect(configuration.sessions.cookies.path == "/a/b")
        #expect(configuration.sessions.cookies.sessionCookie == "sessionid.a.b")
    }

    @Test("have names that are no other application's, nor those of a login of another")
    func suffixes() throws {
        let paths = ["/two", "/two-1", "/two/1", "/two_1", "/Two"]
        let suffixes = try paths.map { try #require(MountPoint($0)).cookieSuffix }
        #expect(suffixes == [".two", ".two~1", ".two.1", ".two_1", ".Two"])
    }

    @Test("are warned about where a setting gives a cookie the name that it has at the root")
    func warning() throws {
        func shared(_ environment: [String: String]) throws -> [String] {
            try ApplicationConfiguration(environment: ["HOME": "/nonexistent"].merging(environment) { $1 }).sharedCookieNames
        }
        #expect(try shared([:]).isEmpty)
        #expect(try shared(["SESSION_COOKIE_NAME": "sessionid"]).isEmpty)
        #expect(try shared(["PARANOID_MOUNT": "/two"]).isEmpty)
        #expect(try shared(["PARANOID_MOUNT": "/two", "SESSION_COOKIE_NAME": "shop"]).isEmpty)
        #expect(try shared(["PARANOID_MOUNT": "/two", "SESSION_COOKIE_NAME": "sessionid"]) == ["SESSION_COOKIE_NAME"])
    }

    @Test(
        "have a path of whole segments and nothing that has two spellings",
        arguments: ["two", "/", "/two/", "//two", "/a.b", "/a%20", "/ü"]
    )
    func badMounts(_ text: String) {
        #expect(throws: ConfigurationError.self) {
            try ApplicationConfiguration(environment: ["HOME": "/nonexistent", "PARANOID_MOUNT": text])
        }
    }

    @Test("except paths from the guard by what is below theirs")
    func exemptions() async throws {
        for (prefix, isExempt) in [("/plain", true), ("/two/plain", false)] {
            let (app, directory) = try self.application(["PSESSION_FILTER_PREFIXES": prefix, "PSESSION_PROFILE": "compatible"])
            defer { withExtendedLifetime(directory) {} }
            app.get("/plain") { _ in "plain" }
            #expect(try await self.get(app, "/two/plain").response.cookies.isEmpty == isExempt)
        }
    }
}
