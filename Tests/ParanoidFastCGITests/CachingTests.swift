import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("What caches are told")
struct CachingTests {
    private static let hits = SessionKey<Int>("hits")

    private func makeApp(_ profile: SessionSettings.Profile = .paranoid) throws -> SessionApplication {
        let made = try SessionApplication { $0.sessions.apply(profile) }
        made.app.get("/plain") { _ in "plain" }
        made.app.get("/read") { request in "\(try await request.session.value(Self.hits) ?? 0)" }
        made.app.get("/write") { request in
            try await request.session.set(Self.hits, to: 1)
            return "written"
        }
        made.app.get("/fail") { request -> String in
            _ = try await request.session.user
            throw HTTPError.notFound
        }
        made.app.get("/{action}/with") { request in
            if request.pathParameter("action") == "write" { try await request.session.set(Self.hits, to: .random(in: 0...1000)) }
            _ = try await request.session.user
            var response = Response.text("own")
            for (field, name) in [("cache", HTTPField.Name.cacheControl), ("vary", .vary)] {
                if let value = request.query.first(named: field) { try response.setHeader(value, for: name) }
            }
            return response
        }
        return made
    }

    @Test("a request that did not touch its session gets neither header, with or without cookies")
    func untouched() async throws {
        let made = try self.makeApp()
        var client = made.client()
        for _ in 0..<2 {
            let answer = try await client.get("/plain")
            #expect(answer.header(.cacheControl) == nil)
            #expect(answer.header(.vary) == nil)
            _ = try await client.get("/write")
        }
    }

    @Test("an answer that depends on a session is not stored and varies by cookie, errors too")
    func touched() async throws {
        let made = try self.makeApp()
        var client = made.client()
        for path in ["/read", "/write", "/read", "/fail"] {
            let answer = try await client.get(path)
            #expect(answer.response.headerFields[values: .cacheControl] == ["no-store"])
            #expect(answer.response.headerFields[values: .vary] == [path == "/fail" ? "Accept, Cookie" : "Cookie"])
        }
    }

    @Test(
        "what the application says counts, unless an answer that sets a session cookie could be given to others",
        arguments: [
            ("read", "private,max-age=60", "private,max-age=60"), ("write", "private,max-age=60", "private,max-age=60"),
            ("read", "public,max-age=60", "public,max-age=60"), ("write", "public,max-age=60", "no-store"),
            ("write", "max-age=60", "no-store"), ("write", "private=\"set-cookie\",public", "no-store"),
            ("write", "No-Store,max-age=0", "No-Store,max-age=0"),
        ]
    )
    func own(_ row: (action: String, says: String, result: String)) async throws {
        let made = try self.makeApp()
        var client = made.client()
        let value = row.says.replacing("=", with: "%3D").replacing("\"", with: "%22").replacing(",", with: "%2C")
        let answer = try await client.get("/\(row.action)/with?cache=\(value)")
        #expect(answer.response.headerFields[values: .cacheControl] == [row.result])
    }

    @Test(
        "Vary is added to, never replaced",
        arguments: [("Accept", "Accept, Cookie"), ("accept,COOKIE", "accept,COOKIE"), ("*", "*")]
    )
    func vary(_ row: (says: String, result: String)) async throws {
        let made = try self.makeApp()
        var client = made.client()
        let answer = try await client.get("/read/with?vary=\(row.says.replacing(",", with: "%2C"))")
        #expect(answer.response.headerFields[values: .vary] == [row.result])
    }

    @Test("in profile compatible, this is the application's affair as it is there")
    func compatible() async throws {
        let made = try self.makeApp(.compatible)
        var client = made.client()
        for path in ["/plain", "/read", "/write"] {
            let answer = try await client.get(path)
            #expect(answer.header(.cacheControl) == nil)
            #expect(answer.header(.vary) == nil)
        }
    }
}
