import ParanoidFastCGI

/// `/login`, `/logout` and `/rotate`: the moments at which a session gets a new identifier or ends.
enum AccountPages {
    private struct Form: Decodable {
        var user: String
    }

    static func register(on routes: some RouterMethods) {
        // A demo: whoever says a name is that user.
        routes.post("/login") { request in
            let form = try await request.decodeForm(Form.self)
            guard (1...100).contains(form.user.utf8.count) else {
                throw HTTPError(.badRequest, message: "A user's name has 1 to 100 bytes.")
            }
            // The address is kept because the page says so; an application asks first.
            let device = SessionDevice(
                label: request.parameters.text(of: "HTTP_USER_AGENT") ?? "unknown",
                address: request.parameters.text(of: "REMOTE_ADDR")
            )
            try await request.session.logIn(as: form.user, device: device)
            return try Response.json(await SessionReport.peek(at: request.session))
        }
        routes.post("/logout") { request in
            try await request.session.logOut()
            return try Response.json(await SessionReport.peek(at: request.session))
        }
        routes.post("/rotate") { request in
            try await request.session.rotate()
            return try Response.json(await SessionReport.peek(at: request.session))
        }
    }
}
