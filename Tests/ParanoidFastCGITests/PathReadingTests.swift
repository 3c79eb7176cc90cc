import FoundationEssentials
import ParanoidFastCGI
import ParanoidFastCGITesting
import Testing

/// What a path is for a route, an exemption and a directory alike.
enum PathReading: Sendable {
    case below, elsewhere, refused
    /// An empty segment is a segment, and names nothing: slashes are not merged.
    case nothing
}

@Suite("A path has one reading", .serialized)
struct PathReadingTests {
    static let table: [(path: String, reading: PathReading)] = [
        ("/hook/pay", .below), ("/%68ook/pay", .below), ("/hook/p%61y", .below), ("/hook%2Fpay", .elsewhere), ("/hook%2fpay", .elsewhere),
        ("/hook%2e/pay", .elsewhere), ("/Hook/pay", .elsewhere), ("//hook/pay", .nothing), ("/hook//pay", .nothing),
        ("/hook/./pay", .refused), ("/hook/%2e/pay", .refused), ("/hook/%2E%2e/hook/pay", .refused), ("/x/../hook/pay", .refused),
        ("/hook/..%2Fpay", .refused),
    ]
    static let mounts = ["", "/two"]

    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func application(_ mount: String, _ more: [String: String] = [:]) throws -> Application {
        var all = ["STATE_DIRECTORY": self.directory.path, "PARANOID_MOUNT": mount.isEmpty ? "none" : mount]
        all.merge(more) { $1 }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try Application(configuration: ApplicationConfiguration(environment: all), logger: logger)
    }

    private func addRoutes(to app: Application) {
        app.get("/hook/pay") { _ in "hook" }
        app.get("/{a}") { _ in "elsewhere" }
        app.get("/{a}/{b}") { _ in "elsewhere" }
        app.post("/hook/pay") { _ in "hook" }
        app.post("/{a}") { _ in "elsewhere" }
        app.post("/{a}/{b}") { _ in "elsewhere" }
    }

    @Test("for routes and for the paths that the guard leaves alone", arguments: Self.mounts)
    func guardPrefixes(_ mount: String) async throws {
        let app = try self.application(mount, ["PSESSION_FILTER_PREFIXES": "/hook/", "PSESSION_PROFILE": "compatible"])
        self.addRoutes(to: app)
        for (path, reading) in Self.table {
            var client = TestClient(app)
            let response = try await client.get(mount + path)
            switch reading {
            case .below: #expect(response.text == "hook" && response.response.cookies.isEmpty, "\(path)")
            case .elsewhere: #expect(response.text == "elsewhere" && !response.response.cookies.isEmpty, "\(path)")
            case .refused: #expect(response.status == 400, "\(path)")
            case .nothing: #expect(response.status == 404, "\(path)")
            }
        }
    }

    @Test("for the paths that need no token", arguments: Self.mounts)
    func exemptPaths(_ mount: String) async throws {
        let app = try self.application(mount)
        app.add(middleware: CSRFProtection(exemptPaths: ["/hook"]))
        self.addRoutes(to: app)
        for (path, reading) in Self.table {
            var client = TestClient(app)
            let response = try await client.post(mount + path)
            switch reading {
            case .below: #expect(response.text == "hook", "\(path)")
            case .elsewhere: #expect(response.status == 403, "\(path)")
            // The protection may object before the router does: no handler runs in either case.
            case .refused: #expect(response.status == 400 || response.status == 403, "\(path)")
            case .nothing: #expect(response.status == 404 || response.status == 403, "\(path)")
            }
        }
    }

    @Test("for the files of a directory", arguments: Self.mounts)
    func staticFiles(_ mount: String) async throws {
        let files = "\(self.directory.path)/public"
        try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
        try Data("file".utf8).write(to: URL(filePath: "\(files)/pay"))
        let app = try self.application(mount)
        app.add(middleware: StaticFiles(files, below: "/hook"))
        for (path, reading) in Self.table {
            var client = TestClient(app)
            let response = try await client.get(mount + path)
            switch reading {
            case .below: #expect(response.text == "file", "\(path)")
            case .elsewhere: #expect(response.status == 404, "\(path)")
            case .refused: #expect(response.status == 400, "\(path)")
            case .nothing: #expect(response.status == 404, "\(path)")
            }
        }
    }
}
