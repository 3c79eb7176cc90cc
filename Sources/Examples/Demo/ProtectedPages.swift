import ParanoidFastCGI

/// `/account`: a login the way an application does it: forms with CSRF tokens, messages behind redirects, a second step for what matters,
/// and a browser that is remembered.
enum ProtectedPages {
    private struct Login: Decodable {
        var user: String
        var remember: String?
    }

    static func register(on routes: some RouterMethods) {
        let group = routes.group("/account", middleware: [CSRFProtection()])
        group.get("") { request in
            _ = try await request.session.logInIfRemembered()
            return try await Self.page(request.session)
        }
        group.post("/login") { request in
            let form = try await request.decodeForm(Login.self)
            guard (1...100).contains(form.user.utf8.count) else {
                throw HTTPError(.badRequest, message: "A user's name has 1 to 100 bytes.")
            }
            // A demo: whoever says a name is that user. What was kept before the login stays out of it.
            try await request.session.logIn(as: form.user, keeping: .none)
            if form.remember != nil { try await request.session.rememberMe() }
            try await request.session.flash("Welcome, \(form.user).", kind: .success)
            return Response.redirect(to: "/account")
        }
        group.post("/step-up") { request in
            // Here an application checks a second factor.
            try await request.session.stepUp(to: .secondFactor)
            try await request.session.flash("You have proved once more who you are.", kind: .success)
            return Response.redirect(to: "/account")
        }
        group.post("/transfer") { request in
            try await request.session.require(.secondFactor)
            try await request.session.requireFreshLogin(within: .seconds(300))
            try await request.session.flash("All your money is gone.")
            return Response.redirect(to: "/account")
        }
        group.post("/logout") { request in
            try await request.session.logOut(clearing: [.cache, .storage])
            return Response.redirect(to: "/account")
        }
    }

    private static func page(_ session: Session) async throws -> Response {
        let token = try await session.csrfToken
        let messages = try await session.takeFlashes().map { "<p role=\"status\">\($0.text.escapedForHTML)</p>" }.joined()
        func form(_ action: String, _ label: String, _ fields: String = "") -> String {
            """
            <form action="/account/\(action)" method="post"><input type="hidden" name="\(CSRFProtection.fieldName)" value="\(token)">
            \(fields) <button>\(label)</button></form>
            """
        }
        let body: String
        if let user = try await session.user, let level = try await session.level {
            let minutes = try await session.timeLeft?.absolute.map { $0.components.seconds / 60 }
            body = """
                <p>You are \(user.escapedForHTML), at level \(level.rawValue)\(minutes.map { ", for \($0) more minutes at most" } ?? "").</p>
                \(form("step-up", "Prove it once more")) \(form("transfer", "Transfer all your money")) \(form("logout", "Log out"))
                """
        } else {
            let fields = """
                <input name="user" value="alice" required aria-label="User name">
                <label><input type="checkbox" name="remember"> stay logged in</label>
                """
            body = form("login", "Log in", fields)
        }
        var response = Response.html(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Your account</title></head>
            <body><h1>Your account</h1>\(messages)\(body)<p><a href="/">Back</a></p></body></html>

            """
        )
        try response.setHeader(
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            for: .contentSecurityPolicy
        )
        return response
    }
}
