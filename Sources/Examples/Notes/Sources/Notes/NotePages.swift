import Mustache
import ParanoidFastCGI

struct NotePages: Sendable {
    /// What the template shows; `{{name}}` escapes what means something in HTML.
    private struct Content {
        var user: String?
        var token: String
        var messages: [String]
        var notes: [Note]
    }

    private let store: NoteStore
    private let page: MustacheTemplate

    init(store: NoteStore) throws {
        self.store = store
        self.page = try MustacheTemplate(
            string: """
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><title>Notes</title></head><body><h1>Notes</h1>
                {{#messages}}<p role="status">{{.}}</p>{{/messages}}
                {{#user}}<form action="/notes" method="post"><input type="hidden" name="csrf_token" value="{{token}}">
                <label>A note for {{user}} <input name="text" required></label> <button>Keep</button></form>
                <ul>{{#notes}}<li>{{text}}</li>{{/notes}}</ul>{{/user}}
                {{^user}}<form action="/login" method="post"><input type="hidden" name="csrf_token" value="{{token}}">
                <label>Your name <input name="user" required></label> <button>Log in</button></form>{{/user}}
                </body></html>

                """
        )
    }

    func register(on app: Application) {
        app.add(middleware: CSRFProtection())
        app.get("/hello") { _ in "hello\n" }
        app.get("/") { request in
            let user = try await request.session.user
            let content = Content(
                user: user,
                token: try await request.session.csrfToken,
                messages: try await request.session.takeFlashes().map(\.text),
                notes: user == nil ? [] : try await self.store.notes(of: user ?? "")
            )
            return Response.html(self.page.render(content))
        }
        app.post("/login") { request in
            // An example of databases: whoever says a name is that user. The guest book has passwords.
            try await request.session.logIn(as: request.decodeForm([String: String].self)["user"] ?? "")
            return Response.redirect(to: "/")
        }
        app.post("/notes") { request in
            try await request.session.require(.password)
            let text = try await request.decodeForm([String: String].self)["text"] ?? ""
            try await self.store.add(text, of: request.session.user ?? "")
            try await request.session.flash("Kept.", kind: .success)
            return Response.redirect(to: "/")
        }
    }
}
