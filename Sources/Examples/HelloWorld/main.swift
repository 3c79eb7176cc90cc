import ParanoidFastCGI

struct Credentials: Decodable {
    var name: String
    var password: String
}

extension SessionKey<Int> {
    static var visits: Self { Self("visits") }
}

let configuration = ApplicationConfiguration.fromEnvironment()
let password = configuration.environment["HELLO_PASSWORD"] ?? ""
let app = try Application(configuration: configuration)
app.add(middleware: CSRFProtection())

app.get("/hello") { _ in "hello\n" }
app.get("/") { request in
    let visits = try await request.session.update(.visits, default: 0) { visits in
        visits += 1
        return visits
    }
    let user = try await request.session.user ?? "stranger"
    return "Hello, \(user). This is visit \(visits).\n"
}
app.get("/login") { request in
    let token = try await request.session.csrfToken
    return Response.html(
        """
        <!doctype html>
        <form method="post">
        <input type="hidden" name="csrf_token" value="\(token)">
        <label>Name <input name="name"></label>
        <label>Password <input name="password" type="password"></label>
        <button>Log in</button>
        </form>
        """
    )
}
app.post("/login") { request in
    let form = try await request.decodeForm(Credentials.self)
    guard !password.isEmpty, form.password == password else { throw HTTPError(.forbidden) }
    try await request.session.logIn(as: form.name)
    return Response.redirect(to: "/")
}
try await app.run()
