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
                label: request.parameter("HTTP_USER_AGENT") ?? "unknown",
                address: request.parameter("REMOTE_ADDR")
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

/// `/devices`: the sessions of the user who is logged in, and the end of one or all others.
enum DevicesPage {
    private struct Device: Encodable {
        var handle: String
        var device: String?
        var address: String?
        var loggedInAt: Int64?
        var lastWrittenAt: Int64
        var isThisOne: Bool

        init(_ listing: SessionListing) {
            self.handle = listing.handle.description
            self.device = listing.device?.label
            self.address = listing.device?.address
            self.loggedInAt = listing.loggedInAt.map { $0.nanosecondsSinceEpoch / 1_000_000_000 }
            self.lastWrittenAt = listing.writtenAt.nanosecondsSinceEpoch / 1_000_000_000
            self.isThisOne = listing.isCurrent
        }
    }

    private struct Form: Decodable {
        var handle: String
    }

    private struct Ended: Encodable {
        var ended: Int
    }

    static func register(on routes: some RouterMethods) {
        routes.get("/devices") { request in
            try Response.json(await request.session.list().map(Device.init))
        }
        routes.post("/devices/revoke") { request in
            guard let handle = SessionHandle(try await request.decodeForm(Form.self).handle) else { throw HTTPError(.badRequest) }
            return try Response.json(Ended(ended: await request.session.revoke(handle) ? 1 : 0))
        }
        routes.post("/devices/revoke-others") { request in
            try Response.json(Ended(ended: await request.session.revokeOthers()))
        }
    }
}

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
            <form action="/account/\(action)" method="post"><input type="hidden" name="csrf_token" value="\(token)">
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
