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
            try await request.session.logIn(as: form.user, device: DevicesPage.device(of: request))
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

    /// What is kept of a browser at its login: the address because the page says so; an application asks first.
    static func device(of request: Request) -> SessionDevice {
        SessionDevice(label: request.parameter("HTTP_USER_AGENT") ?? "unknown", address: request.parameter("REMOTE_ADDR"))
    }

    static func register(on routes: some RouterMethods) {
        routes.get("/devices") { request in
            let devices = try await request.session.list().map(Device.init)
            // A browser asks for a page; programs get JSON.
            guard request.header(.accept)?.contains("text/html") == true else { return try Response.json(devices) }
            return try Self.page(devices, of: try await request.session.user)
        }
        routes.post("/devices/revoke") { request in
            guard let handle = SessionHandle(try await request.decodeForm(Form.self).handle) else { throw HTTPError(.badRequest) }
            return try Self.told(Ended(ended: await request.session.revoke(handle) ? 1 : 0), request)
        }
        routes.post("/devices/revoke-others") { request in
            try Self.told(Ended(ended: await request.session.revokeOthers()), request)
        }
    }
}

extension DevicesPage {
    private static func page(_ devices: [Device], of user: String?) throws -> Response {
        guard let user else { return try DemoPage.response("Where you are logged in", "<p>Nowhere: <a href=\"/\">log in</a> first.</p>") }
        let rows = devices.map { device in
            let end = """
                <form action="/devices/revoke" method="post"><input type="hidden" name="handle" value="\(device.handle)">
                <button>End</button></form>
                """
            return """
                <tr><td>\((device.device ?? "unknown").escapedForHTML)</td><td>\((device.address ?? "").escapedForHTML)</td>
                <td>\(device.isThisOne ? "this one" : end)</td></tr>
                """
        }
        let table = """
            <p>Sessions of \(user.escapedForHTML):</p>
            <table><thead><tr><th>Browser</th><th>Address at login</th><th></th></tr></thead><tbody>\(rows.joined())</tbody></table>
            <form action="/devices/revoke-others" method="post"><button>End all others</button></form>
            """
        return try DemoPage.response("Where you are logged in", table)
    }

    /// What a form of the page leads to: the page again; programs get JSON.
    private static func told(_ ended: Ended, _ request: Request) throws -> Response {
        guard request.header(.accept)?.contains("text/html") == true else { return try Response.json(ended) }
        return Response.redirect(to: "/devices")
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
            try await request.session.logIn(as: form.user, device: DevicesPage.device(of: request), keeping: .none)
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
                <div class="actions">\(form("step-up", "Prove it once more")) \(form("transfer", "Transfer all your money"))
                \(form("logout", "Log out"))</div>
                """
        } else {
            let fields = """
                <input name="user" value="alice" required aria-label="User name">
                <label><input type="checkbox" name="remember"> stay logged in</label>
                """
            body = "<div class=\"actions\">\(form("login", "Log in", fields))</div>"
        }
        return try DemoPage.response("Your account", "\(messages)\(body)<p><a href=\"/devices\">Where you are logged in</a></p>")
    }
}
