import ParanoidFastCGI

struct Login: Decodable {
    var user: String
}

extension SessionKey<Int> {
    static var visits: Self { Self("visits") }
}

let app = try Application(configuration: .fromEnvironment())
app.get("/hello") { _ in "hello\n" }
app.post("/login") { request in
    let form = try await request.decodeForm(Login.self)
    try await request.session.logIn(as: form.user)
    return Response.redirect(to: "/")
}
app.get("/visits") { request in
    let visits = try await request.session.update(.visits, default: 0) { visits in
        visits += 1
        return visits
    }
    return "visits: \(visits)\n"
}
try await app.run()
