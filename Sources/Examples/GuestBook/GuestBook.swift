import ParanoidFastCGI

/// The pages of the guest book.
///
/// - `GUESTBOOK_DIRECTORY` is where users, entries and pictures are kept; `guestbook` in the working directory unless set.
/// - `GUESTBOOK_ADMIN` is the name of the user who may delete entries; nobody unless set.
/// - `GUESTBOOK_ADMIN_PASSWORD_FILE` is a file with the password of that user. The account is made from it at the start, and nobody can
///   register the name.
struct GuestBook: Sendable {
    let files: Files
    let admin: String?

    init(_ environment: [String: String]) throws {
        self.files = try Files(environment["GUESTBOOK_DIRECTORY"] ?? "guestbook")
        self.admin = environment["GUESTBOOK_ADMIN"].flatMap { $0.isEmpty ? nil : $0 }
        if let admin { try self.files.setAdministrator(admin, passwordFile: environment["GUESTBOOK_ADMIN_PASSWORD_FILE"]) }
    }

    /// The settings of the environment, and header fields that let a page show its own style and its own pictures only.
    static func configuration() -> ApplicationConfiguration {
        var configuration = ApplicationConfiguration.fromEnvironment()
        // Without the promise of HTTPS for two years: an example often shares its host with other servers.
        configuration.securityHeaders = SecurityHeaders.recommended.removing(.strictTransportSecurity)
        return configuration
    }

    /// Whether a user is the administrator; byte for byte, as `==` takes some different characters for the same.
    func isAdmin(_ user: String?) -> Bool {
        guard let user, let admin = self.admin else { return false }
        return user.utf8.elementsEqual(admin.utf8)
    }

    func register(on app: Application) {
        app.add(middleware: CSRFProtection())
        app.onError { failure, request in
            // A page that needs a login leads to it; everything else is the page that there is without this, in our style.
            if (failure.error as? RequestRefusal)?.reason == .notLoggedIn, request.method == .get { return .redirect(to: "/login") }
            guard failure.response.header(.contentType)?.hasPrefix("text/html") == true else { return failure.response }
            return Page.failure(failure, at: request)
        }
        app.get("/hello") { _ in "hello\n" }
        app.get("/style.css") { _ in
            var response = Response.text(Page.style)
            try response.setHeader("text/css", for: .contentType)
            return response
        }
        self.registerBook(on: app)
        self.registerAccounts(on: app)
        self.registerAdministration(on: app.group("/admin", middleware: [AdministratorOnly(book: self)]))
        self.registerInterface(on: app.group("/api"))
    }

    // MARK: The book

    private struct EntryForm: Decodable {
        var text: String
        var picture: UploadedFile?
    }

    private func registerBook(on app: Application) {
        app.get("/") { request in
            let page = try await Page(request)
            return page.book(try self.files.entries(), isAdmin: self.isAdmin(page.user))
        }
        app.post("/entries", bodyLimit: 5 << 20) { request in
            try await request.session.require(.password)
            let form = try await request.decodeMultipart(EntryForm.self)
            var entry = try await Entry(author: request.session.user ?? "", text: form.text)
            if let picture = form.picture { entry.picture = try self.files.keep(picture, as: entry.id) }
            try self.files.add(entry)
            try await request.session.flash("Thank you for your entry.", kind: .success)
            return Response.redirect(to: "/")
        }
        app.get("/pictures/{id}") { request in
            guard let entry = try self.files.entry(request.pathParameter("id") ?? ""), let kind = entry.picture else {
                throw HTTPError(.notFound)
            }
            return try Response.file(self.files.picture(of: entry), for: request, contentType: kind.contentType)
        }
    }

    // MARK: Accounts

    private struct Credentials: Decodable {
        var name: String
        var password: String
    }

    private func registerAccounts(on app: Application) {
        app.get("/login") { request in try await Page(request).login() }
        app.post("/login") { request in
            let form = try await request.decodeForm(Credentials.self)
            guard let user = try self.files.user(form.name, password: form.password) else {
                try await request.session.flash("The name or the password is not right.", kind: .failure)
                return Response.redirect(to: "/login")
            }
            try await request.session.logIn(as: user)
            try await request.session.flash("Welcome back, \(user).", kind: .success)
            return Response.redirect(to: "/")
        }
        app.get("/register") { request in try await Page(request).registration() }
        app.post("/register") { request in
            let form = try await request.decodeForm(Credentials.self)
            var validation = Validation()
            validation.check(Files.isName(form.name), "name", "has 2 to 30 letters and digits")
            validation.check(form.password.count >= 10, "password", "has at least 10 characters")
            try validation.finish()
            // The administrator's account is the operator's to make: otherwise the first visitor who takes the name has its rights.
            let isReserved = self.admin.map { self.files.isSameUser($0, form.name) } ?? false
            guard !isReserved, try self.files.addUser(form.name, password: form.password) else {
                throw HTTPError(.conflict, message: "Somebody has this name already.")
            }
            try await request.session.logIn(as: form.name)
            try await request.session.flash("Welcome, \(form.name).", kind: .success)
            return Response.redirect(to: "/")
        }
        app.post("/logout") { request in
            try await request.session.logOut(clearing: [.cache])
            return Response.redirect(to: "/")
        }
    }

    // MARK: Administration

    private func registerAdministration(on admin: some RouterMethods) {
        admin.post("/entries/{id}/delete") { request in
            let isDeleted = try self.files.remove(request.pathParameter("id") ?? "")
            try await request.session.flash(isDeleted ? "The entry is deleted." : "That entry is gone already.")
            return Response.redirect(to: "/")
        }
    }

    // MARK: JSON

    private struct NewEntry: Decodable {
        var text: String
    }

    private func registerInterface(on api: some RouterMethods) {
        api.get("/entries") { _ in try Response.json(try self.files.entries()) }
        api.post("/entries") { request in
            try await request.session.require(.password)
            let entry = try await Entry(author: request.session.user ?? "", text: request.decodeJSON(NewEntry.self).text)
            try self.files.add(entry)
            return try Response.json(entry, status: .created)
        }
    }
}

/// Lets the administrator pass, and nobody else.
struct AdministratorOnly: HTTPMiddleware {
    let book: GuestBook

    func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        try await request.session.require(.password)
        guard self.book.isAdmin(try await request.session.user) else { throw HTTPError(.forbidden) }
        return try await next.handle(request)
    }
}
