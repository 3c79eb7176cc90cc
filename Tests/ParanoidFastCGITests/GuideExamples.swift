import ParanoidFastCGI

// The examples of the guides. GuideExamplesTests compares them with the pages line by line, and runs them.

struct Note: Codable { var text: String }

extension SessionKey<[String]> {
    static var cart: Self { Self("cart") }
}

struct RequestLog: HTTPMiddleware {
    func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        let response = try await next.handle(request)
        request.logger.info("served", metadata: ["http.status": "\(response.status.code)"])
        return response
    }
}

enum GuideExamples {
    static func handlersAndRouting(_ app: Application) {
        app.get("/users/{id}") { request in
            guard let id = request.pathParameter("id") else { throw HTTPError(.notFound) }
            return "user \(id)\n"
        }
        app.get("/files/{path*}") { request in request.pathParameter("path") ?? "" }

        let admin = app.group("/admin")
        admin.post("/notes") { request in
            let note = try await request.decodeJSON(Note.self)
            return try Response.json(note, status: .created)
        }
        app.add(middleware: RequestLog())
    }

    static func sessions(_ app: Application) {
        app.post("/cart/{item}") { request in
            let item = request.pathParameter("item") ?? ""
            let count = try await request.session.update(.cart, default: []) { cart in
                cart.append(item)
                return cart.count
            }
            return "\(count) items\n"
        }
        app.get("/cart") { request in
            let cart = try await request.session.value(.cart) ?? []
            return cart.joined(separator: "\n")
        }
        app.get("/account") { request in
            if let challenge = try await request.session.challenge, challenge.user != nil {
                return Response.redirect(to: "/password")
            }
            guard let user = try await request.session.user else { return Response.redirect(to: "/login") }
            return Response.text("account of \(user)\n")
        }
    }

    static func forms(_ app: Application) {
        app.add(middleware: CSRFProtection())

        app.get("/note") { request in
            let token = try await request.session.csrfToken
            return Response.html(
                """
                <form method="post"><input type="hidden" name="csrf_token" value="\(token)">
                <input name="text"><button>Save</button></form>
                """
            )
        }
        app.post("/note") { request in
            let form = try await request.form()
            return "saved \(form.first(named: "text") ?? "")\n"
        }
    }

    static func messages(_ app: Application) {
        app.post("/profile") { request in
            try await request.session.flash("Saved.", kind: .success)
            return Response.redirect(to: "/profile")
        }
        app.get("/profile") { request in
            let messages = try await request.session.takeFlashes()
            return messages.map { "\($0.kind.rawValue): \($0.text)" }.joined(separator: "\n")
        }
    }
}
