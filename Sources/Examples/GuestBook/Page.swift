import FoundationEssentials
import ParanoidFastCGI

/// The HTML of the guest book, for one request.
struct Page: Sendable {
    let user: String?
    private let token: String
    private let messages: [FlashMessage]

    /// Takes the messages of the session, which are shown once.
    init(_ request: Request) async throws {
        self.user = try await request.session.user
        self.token = try await request.session.csrfToken
        self.messages = try await request.session.takeFlashes()
    }

    func book(_ entries: [Entry], isAdmin: Bool) -> Response {
        let form = """
            <section><h2>Write something</h2>
            \(self.form("/entries", kind: "multipart/form-data", """
            <label>Your entry<textarea name="text" rows="4" maxlength="2000" required></textarea></label>
            <label>A picture, if you like<input type="file" name="picture" accept="image/png,image/jpeg,image/gif"></label>
            """, button: "Sign the guest book"))
            </section>
            """
        let invitation =
            "<section><h2>Write something</h2><p><a href=\"/login\">Log in</a> or <a href=\"/register\">register</a> first.</p></section>"
        let list = entries.map { entry in
            """
            <article>
            <h3>\(entry.author.escaped)</h3> <time>\(entry.writtenAt.formatted(.iso8601).escaped)</time>
            <p>\(entry.text.escaped)</p>
            \(entry.picture == nil ? "" : "<img src=\"/pictures/\(entry.id)\" alt=\"Picture by \(entry.author.escaped)\" loading=\"lazy\">")
            \(isAdmin ? self.form("/admin/entries/\(entry.id)/delete", "", button: "Delete") : "")
            </article>
            """
        }
        let empty = "<p class=\"soft\">Nobody has written anything yet.</p>"
        return self.response(
            "Guest book",
            "\(self.user == nil ? invitation : form)<section><h2>Entries</h2>\(list.isEmpty ? empty : list.joined())</section>"
        )
    }

    func login() -> Response {
        let fields = """
            <label>Name<input name="name" autocomplete="username" required></label>
            <label>Password<input name="password" type="password" autocomplete="current-password" required></label>
            """
        let form = self.form("/login", fields, button: "Log in")
        return self.response("Log in", "<section><h2>Log in</h2>\(form)<p>New here? <a href=\"/register\">Register</a>.</p></section>")
    }

    func registration() -> Response {
        let fields = """
            <label>Name<input name="name" autocomplete="username" minlength="2" maxlength="30" required></label>
            <label>Password<input name="password" type="password" autocomplete="new-password" minlength="10" required></label>
            <p class="soft">At least 10 characters. It is stored as a hash only.</p>
            """
        return self.response("Register", "<section><h2>Register</h2>\(self.form("/register", fields, button: "Register"))</section>")
    }

    /// The page of an error; it has no session, which may be the reason of the error.
    static func failure(_ failure: RequestFailure, at request: Request) -> Response {
        let problems = failure.problems.map { "<li><b>\($0.field.escaped)</b> \($0.message.escaped)</li>" }.joined()
        let text = "<p>\(failure.message.escaped)</p><ul>\(problems)</ul><p><a href=\"/\">Back to the guest book</a></p>"
        return Self.response(
            "Error \(failure.response.status.code)",
            bar: "",
            "<section><h2>That did not work</h2>\(text)</section>",
            status: failure.response.status
        )
    }

    // MARK: Parts

    private func form(_ action: String, kind: String = "application/x-www-form-urlencoded", _ fields: String, button: String) -> String {
        // The token first: CSRFProtection finds it before it has to read a picture.
        """
        <form action="\(action)" method="post" enctype="\(kind)"><input type="hidden" name="csrf_token" value="\(self.token)">
        \(fields)<button>\(button)</button></form>
        """
    }

    private func response(_ title: String, _ body: String) -> Response {
        let visitor = "<a href=\"/login\">Log in</a> <a href=\"/register\">Register</a>"
        let bar = self.user.map { "<span>You are <b>\($0.escaped)</b></span>\(self.form("/logout", "", button: "Log out"))" } ?? visitor
        let messages = self.messages.map { "<p role=\"status\" class=\"\($0.kind.rawValue)\">\($0.text.escaped)</p>" }.joined()
        return Self.response(title, bar: bar, messages + body)
    }

    private static func response(_ title: String, bar: String, _ body: String, status: HTTPResponse.Status = .ok) -> Response {
        var response = Response.html(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><title>\(title.escaped)</title><link rel="stylesheet" href="/style.css"></head>
            <body><header><h1><a href="/">Guest<span>book</span></a></h1><nav>\(bar)</nav></header><main>\(body)</main></body></html>

            """,
            status: status
        )
        // Both values are well-formed, so neither is refused.
        try? response.setHeader(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            for: .contentSecurityPolicy
        )
        return response
    }

    static let style = """
        :root { --paper: #f6f4ef; --card: #fffdf8; --ink: #22252b; --soft: #666b76; --line: #ddd8cc; --accent: #1f5f8b; --good: #1c7a4b;
            --bad: #b3261e; }
        @media (prefers-color-scheme: dark) {
            :root { --paper: #14171c; --card: #1c2027; --ink: #e8e6e1; --soft: #a2a8b4; --line: #323843; --accent: #7fbbe6; --good: #5fcf96;
                --bad: #ff8a80; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
        header, main { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
        header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .5rem 1.5rem; padding-top: 2rem; }
        h1 { font-size: 2.1rem; letter-spacing: -.03em; margin: 0; } h1 span { color: var(--accent); }
        h1 a { color: inherit; text-decoration: none; } a { color: var(--accent); }
        h2 { font-size: 1.2rem; margin: 0 0 .75rem; } h3 { display: inline; font-size: 1rem; }
        nav { display: flex; gap: .9rem; align-items: center; } nav form { margin: 0; }
        main { display: grid; gap: 1.25rem; padding-block: 1.25rem 3rem; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.25rem 1.4rem; }
        article { border-top: 1px solid var(--line); padding: .9rem 0; } article p { margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
        article img { max-width: 100%; max-height: 24rem; border-radius: .5rem; display: block; margin-top: .5rem; }
        time, .soft { color: var(--soft); font-size: .92rem; } label { display: block; margin-bottom: .8rem; color: var(--soft); }
        input, textarea, button { font: inherit; color: inherit; border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem;
            background: var(--paper); }
        label input, textarea { display: block; width: 100%; color: var(--ink); }
        button { cursor: pointer; } button:hover, button:focus-visible { border-color: var(--accent); }
        [role=status] { margin: 0; padding: .6rem 1rem; border-left: .25rem solid var(--accent); background: var(--card); }
        .success { border-color: var(--good); } .failure { border-color: var(--bad); }
        """
}

extension String {
    /// The text with everything escaped that means something in HTML, in elements and in quoted attributes.
    var escaped: String {
        self.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }
}
