import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

@testable import Notes

@Suite("Notes")
struct NotesTests {
    @Test("keeps each user's notes, and shows them as text")
    func notes() async throws {
        let directory = try TemporaryDirectory()
        let store = try NoteStore(path: "\(directory.path)/notes.sqlite")
        let app = try Application(configuration: .testing())
        app.onStart(.supervisor) { try store.migrate() }
        app.onStop(.worker) { try store.close() }
        try NotePages(store: store).register(on: app)

        try await app.test { client in
            client.followsRedirections = true
            var token = try await client.get("/").csrfToken
            _ = try await client.post("/login", form: ["csrf_token": token, "user": "ann"])
            token = try await client.get("/").csrfToken
            let page = try await client.post("/notes", form: ["csrf_token": token, "text": "<b>tea</b>"])
            #expect(page.text.contains("Kept.") && page.text.contains("<li>&lt;b&gt;tea&lt;/b&gt;</li>"))

            var bob = TestClient(app)
            bob.followsRedirections = true
            token = try await bob.get("/").csrfToken
            #expect(try await !bob.post("/login", form: ["csrf_token": token, "user": "bob"]).text.contains("tea"))
        }
    }
}
