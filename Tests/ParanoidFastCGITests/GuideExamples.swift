import CoreMetrics
import ParanoidFastCGI
import ServiceLifecycle
import Tracing

// The examples of the guides. GuideExamplesTests compares them with the pages line by line, and runs them.

struct Note: Codable { var text: String }

struct Picture: Decodable {
    var title: String
    var picture: UploadedFile?
}

struct Pages {
    struct Page {
        var text: String
        var version: Int
    }

    func page(_ name: String) async throws -> Page { Page(text: "<h1>\(name)</h1>", version: 7) }
}

actor Pictures {
    private var number = 0

    func nextNumber() -> Int {
        self.number += 1
        return self.number
    }
}

actor Names {
    private var taken: Set<String> = []

    func take(_ name: String) throws -> Bool { self.taken.insert(name).inserted }
}

struct Entry: Decodable {
    var name: String
    var text: String
}

struct Problem: Encodable {
    var title: String
    var status: Int
    var detail: String
    var errors: [FieldProblem]
}

private func form(_ entry: Entry, _ problems: [FieldProblem]) -> String {
    problems.map { "<p>\($0.field) \($0.message)</p>" }.joined()
}

/// Entries that a file or a database keeps for all workers.
struct Journal {
    var entries = [String]()

    func entries(after id: Int) async throws -> [(id: Int, text: String)] {
        self.entries.enumerated().map { ($0.offset + 1, $0.element) }.filter { $0.0 > id }
    }
}

extension SessionKey<[String]> {
    static var cart: Self { Self("cart") }
}

struct Search {
    func results(for words: String) async throws -> String {
        if words == "slow" { try await Task.sleep(for: .seconds(600)) }
        return "results for \(words)\n"
    }
}

struct RequestLog: HTTPMiddleware {
    func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        let response = try await next.handle(request)
        request.logger.info("served", metadata: ["http.status": "\(response.status.code)"])
        return response
    }
}

enum GuideExamples {
    static func database(_ app: Application, _ client: some Service) {
        app.add(service: client)
    }

    static func handlersAndRouting(_ app: Application) {
        app.get("/users/{id}") { request in
            let id = try request.pathParameter("id", as: Int.self)
            return "user \(id)\n"
        }
        app.get("/files/{path*}") { request in request.pathParameter("path") ?? "" }

        let admin = app.group("/admin")
        admin.post("/notes") { request in
            let note = try await request.decodeJSON(Note.self)
            return try Response.json(note, status: .created)
        }
        app.get("/badge.svg") { _ in
            var response = Response(body: .bytes(Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8)))
            try response.setHeader("image/svg+xml", for: .contentType)
            try response.setHeader("max-age=3600", for: .cacheControl)
            try response.setHeader("noindex", for: .init("X-Robots-Tag")!)
            return response
        }
        app.add(middleware: RequestLog())
    }

    static func templates(_ configuration: inout ApplicationConfiguration) throws {
        configuration.securityHeaders = try SecurityHeaders.recommended
            .setting("default-src 'self'; frame-ancestors 'none'; base-uri 'none'", for: .contentSecurityPolicy)
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

    static func errors(_ app: Application, _ names: Names = Names()) {
        app.post("/names/{name}") { request in
            let name = request.pathParameter("name") ?? ""
            guard try await names.take(name) else { throw HTTPError(.conflict, message: "This name is taken.") }
            return "It is yours.\n"
        }
        app.onError { failure, request in
            if (failure.error as? RequestRefusal)?.reason == .notLoggedIn { return Response.redirect(to: "/login") }
            guard failure.response.status == .notFound else { return failure.response }
            return Response.html("<h1>There is no such page</h1>", status: .notFound)
        }
        app.post("/entries") { request in
            let entry = try await request.decodeForm(Entry.self)
            var validation = Validation()
            validation.check(!entry.name.isEmpty, "name", "cannot be empty")
            validation.check(entry.text.count <= 500, "text", "can have 500 characters")
            try validation.finish()
            return Response.redirect(to: "/entries")
        }
        app.post("/comments") { request in
            let entry = try await request.decodeForm(Entry.self)
            do {
                var validation = Validation()
                validation.check(!entry.text.isEmpty, "text", "cannot be empty")
                try validation.finish()
            } catch let error as HTTPError {
                return Response.html(form(entry, error.problems), status: error.status)
            }
            return Response.redirect(to: "/comments")
        }
    }

    static func errorsOfAnInterface(_ app: Application) {
        app.onError { failure, request in
            guard request.path.hasPrefix("/api/") else { return failure.response }
            let status = failure.response.status
            let problem = Problem(title: status.reasonPhrase, status: status.code, detail: failure.message, errors: failure.problems)
            var response = try Response.json(problem, status: status)
            try response.setHeader("application/problem+json", for: .contentType)
            return response
        }
    }

    static func uploads(_ app: Application, _ pictures: Pictures) {
        app.post("/import", bodyLimit: 1 << 30) { request in
            var count = 0
            for try await bytes in request.body { count += bytes.count }
            return "\(count) bytes\n"
        }
        app.post("/pictures", bodyLimit: 20 << 20) { request in
            let form = try await request.decodeMultipart(Picture.self)
            guard let file = form.picture else { return "no picture\n" }
            try file.move(to: "/srv/pictures/\(await pictures.nextNumber())")
            return "\(form.title): \(file.byteCount) bytes of \(file.fileName)\n"
        }
        app.post("/checksums", bodyLimit: 1 << 30) { request in
            var lines: [String] = []
            for try await part in try request.multipart() where part.fileName != nil {
                var sum: UInt8 = 0
                for try await bytes in part { sum = bytes.reduce(sum, ^) }
                lines.append("\(part.name) \(sum)")
            }
            return lines.joined(separator: "\n")
        }
    }

    static func files(_ app: Application, _ pages: Pages) {
        app.get("/reports/{number}") { request in
            let number = try request.pathParameter("number", as: Int.self)
            var response = try Response.file("/srv/reports/\(number).pdf", for: request, contentType: "application/pdf")
            response.setDownload(named: "report \(number).pdf")
            return response
        }
        app.get("/pages/{name}") { request in
            let page = try await pages.page(request.pathParameter("name") ?? "")
            var response = Response.html(page.text)
            try response.setHeader("\"\(page.version)\"", for: .eTag)
            return response.conditional(for: request)
        }
        app.put("/pages/{name}") { request in
            let page = try await pages.page(request.pathParameter("name") ?? "")
            try request.checkPreconditions(entityTag: "\"\(page.version)\"")
            return "changed\n"
        }
        let protected = AcceleratedFiles(location: "/protected/")
        app.get("/downloads/{path*}") { request in
            try await request.session.require(.password)
            return try protected.response(request.pathParameter("path") ?? "")
        }
        app.get("/events") { request in
            Response.events(for: request) { events in
                for number in (Int(events.lastEventID ?? "") ?? 0)..<3 {
                    try await events.send("event \(number)", id: "\(number + 1)")
                }
            }
        }
    }

    static func live(_ app: Application, _ journal: Journal) {
        app.get("/live") { request in
            Response.events(for: request) { events in
                var last = Int(events.lastEventID ?? "") ?? 0
                while true {
                    for entry in try await journal.entries(after: last) {
                        try await events.send(entry.text, id: "\(entry.id)")
                        last = entry.id
                    }
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    static func times(_ app: Application, _ search: Search) {
        app.get("/search", timeout: .seconds(2)) { request in
            try await search.results(for: request.query.first(named: "q") ?? "")
        }
    }

    static func middleware(_ app: Application) {
        app.add(middleware: AllowedHosts(["shop.example", "*.shop.example"]))
        app.add(middleware: app.rateLimit(600, per: .seconds(60)))
        app.add(middleware: CORS(origins: ["https://partner.example"], below: "/api"))
        app.add(middleware: StaticFiles("public", below: "/static"))
        app.add(middleware: CSRFProtection())
    }

    static func limits(_ app: Application) {
        let logins = app.rateLimit(5, per: .seconds(60)) { request in
            try await request.form().first(named: "name")
        }
        let accounts = app.group("/login", middleware: [logins])
        let wrongPasswords = app.rateLimit(20, per: .seconds(3600))
        accounts.post("") { request in
            let form = try await request.form()
            guard form.first(named: "password") == "right" else {
                try wrongPasswords.count(request.clientAddress)
                throw HTTPError(.forbidden)
            }
            try await request.session.logIn(as: form.first(named: "name") ?? "")
            return "logged in\n"
        }
    }

    static func gate(_ app: Application) {
        app.gate("/gate") { user, request in
            user == "admin" || request.parameter("ORIGINAL_URI")?.hasPrefix("/php/admin") != true
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

    static func backEnds(metrics: any MetricsFactory, tracer: any Tracer) async {
        await Application.main { app in
            MetricsSystem.bootstrap(metrics)
            InstrumentationSystem.bootstrap(tracer)
            app.get("/orders/{id}") { request in
                try await withSpan("load the order") { span in
                    span.attributes["order.id"] = request.pathParameter("id")
                    return try await Order.load(request.pathParameter("id"))
                }
            }
        }
    }
}

/// What the guide of metrics and tracing loads.
enum Order {
    static func load(_ id: String?) async throws -> String { id ?? "" }
}
