import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@Suite("Messages for the next page")
struct FlashTests {
    private let made: SessionApplication

    init() throws {
        // The machine that tests run on may be busy with others.
        self.made = try SessionApplication { $0.lockTimeout = .seconds(60) }
        self.made.app.post("/save") { request in
            try await request.session.flash("Saved.", kind: .success)
            return Response.redirect(to: "/page")
        }
        self.made.app.get("/page") { request in
            try await request.session.takeFlashes().map { "\($0.kind.rawValue):\($0.text)" }.joined(separator: " ")
        }
        self.made.app.get("/names") { request in try await request.session.names.joined(separator: ",") }
        self.made.app.post("/pry") { request in
            do {
                try await request.session.set(SessionKey<String>("\0flashes"), to: "x")
                return "set"
            } catch let error as SessionError {
                return error.description
            }
        }
        self.made.app.post("/many") { request in
            for number in 0..<20 { try await request.session.flash("\(number)") }
            return "done"
        }
        self.made.app.post("/both") { request in
            try await request.session.flash("Now.")
            return try await request.session.takeFlashes().map(\.text).joined()
        }
    }

    @Test("survive the logout that they tell of")
    func logout() async throws {
        self.made.app.post("/login") { request in
            try await request.session.flash("Before.")
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.made.app.post("/logout") { request in
            try await request.session.logOut()
            try await request.session.flash("Good bye.")
            return Response.redirect(to: "/page")
        }
        self.made.app.get("/user") { request in try await request.session.user ?? "nobody" }
        var client = self.made.client()
        _ = try await client.post("/login")
        #expect(try await client.post("/logout").status == 303)
        #expect(try await client.get("/user").text == "nobody")
        #expect(try await client.get("/page").text == "information:Good bye.")
    }

    @Test("are shown once, on the page behind the redirect, and those of several requests add up")
    func once() async throws {
        var client = self.made.client()
        #expect(try await client.get("/page").text == "")
        #expect(client.cookies.isEmpty)
        #expect(try await client.post("/save").status == 303)
        #expect(try await client.post("/save").status == 303)
        #expect(try await client.get("/page").text == "success:Saved. success:Saved.")
        #expect(try await client.get("/page").text == "")
        #expect(try await client.post("/both").text == "Now.")
        #expect(try await client.get("/page").text == "")
    }

    @Test("of two tabs at once, one gets them")
    func tabs() async throws {
        for _ in 0..<10 {
            var client = self.made.client()
            _ = try await client.post("/save")
            let texts = try await withThrowingTaskGroup(of: String.self) { [client] group in
                for _ in 0..<4 {
                    group.addTask {
                        var tab = client
                        return try await tab.get("/page").text
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(texts.filter { !$0.isEmpty } == ["success:Saved."])
        }
    }

    @Test("are out of the application's reach, and the oldest go when there are too many")
    func hidden() async throws {
        var client = self.made.client()
        _ = try await client.post("/many")
        #expect(try await client.get("/names").text == "")
        #expect(try await client.post("/pry").text == SessionError.reservedKey.description)
        let page = try await client.get("/page").text
        #expect(page == (4..<20).map { "information:\($0)" }.joined(separator: " "))
    }
}
