import Foundation
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@testable import ParanoidFastCGI

@Suite("Secret and session directory")
struct StateTests {
    private let directory: TemporaryDirectory
    private let configuration: ApplicationConfiguration

    init() throws {
        self.directory = try TemporaryDirectory()
        self.configuration = ApplicationConfiguration(stateDirectory: "\(self.directory.path)/state")
    }

    private func makeApp() throws -> Application {
        let app = try Application(configuration: self.configuration, logger: .silent)
        app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        return app
    }

    private func logIn(_ app: Application) async throws {
        let request = InProcessRequest(method: .post, path: "/login", parameters: [("HTTPS", "on"), ("REMOTE_ADDR", "10.0.0.1")])
        #expect(try await app.respond(to: request).status == .ok)
    }

    /// Every path below the directory of the test.
    private var paths: [String] {
        (FileManager.default.enumerator(atPath: self.directory.path)?.allObjects as? [String] ?? []).sorted()
    }

    @Test("are not made by the initializer of an application")
    func initializer() throws {
        _ = try self.makeApp()
        #expect(self.paths == [])
    }

    @Test("are made by the first process that serves")
    func first() async throws {
        try await self.logIn(try self.makeApp())
        #expect(self.paths.contains("state/secret") && self.paths.contains("state/sessions/control"))
        try await self.logIn(try self.makeApp())
        #expect(try await SessionAdministration(configuration: self.configuration).list(user: "ann").count == 2)
    }

    @Test("are only read by everybody else: an administration fails, names what it looked at, and changes nothing")
    func others() async throws {
        let error = #expect(throws: ConfigurationError.self) { try SessionAdministration(configuration: self.configuration) }
        #expect(error?.description.contains(self.configuration.sessionDirectory) == true, "\(String(describing: error))")
        let app = try self.makeApp()
        await #expect(throws: SessionStoreError.self) { try await app.sessions.list(user: "ann") }
        for change in [{ _ = try $0.addServerSecret() }, { _ = try $0.serverSecretNumbers() }, { try $0.removeServerSecret(1) }]
            as [(ApplicationConfiguration) throws -> Void]
        {
            let error = #expect(throws: ConfigurationError.self) { try change(self.configuration) }
            #expect(error?.description.contains(self.configuration.secretFile) == true, "\(String(describing: error))")
        }
        #expect(self.paths == [])

        // A directory that is there, and a secret without sessions, are no application either.
        try FileManager.default.createDirectory(atPath: self.configuration.sessionDirectory, withIntermediateDirectories: true)
        let before = self.paths
        #expect(throws: ConfigurationError.self) { try SessionAdministration(configuration: self.configuration) }
        #expect(self.paths == before)
    }

    @Test("are read by a worker, which makes neither")
    func worker() async throws {
        let app = try self.makeApp()
        #expect(throws: ConfigurationError.self) { try app.access.open(.reading) }
        #expect(self.paths == [])
    }

    @Test("no secret is made where sessions exist, as they would all end")
    func lostSecret() async throws {
        let serving = try self.makeApp()
        try await self.logIn(serving)
        try FileManager.default.removeItem(atPath: self.configuration.secretFile)
        let before = self.paths
        let later = try self.makeApp()
        let error = await #expect(throws: ConfigurationError.self) { try await later.respond(to: InProcessRequest(path: "/")) }
        #expect(error?.problem.contains("holds sessions") == true)
        #expect(throws: ConfigurationError.self) { try SessionAdministration(configuration: self.configuration) }

        // An identifier of an unknown secret has the secrets read again, which makes no file.
        let text = "_w" + String(repeating: "A", count: 42)
        let parameters = [("HTTPS", "on"), ("HTTP_COOKIE", "__Host-sessionid=\(text)"), ("REMOTE_ADDR", "10.0.0.1")]
        _ = try await serving.respond(to: InProcessRequest(method: .post, path: "/login", parameters: parameters))
        #expect(!self.paths.contains("state/secret"))
        #expect(self.paths.filter { !$0.contains("sessions") } == before.filter { !$0.contains("sessions") })
    }

    @Test("without sessions a lost secret is replaced")
    func noSessions() async throws {
        _ = try await self.makeApp().respond(to: InProcessRequest(path: "/"))
        try FileManager.default.removeItem(atPath: self.configuration.secretFile)
        _ = try await self.makeApp().respond(to: InProcessRequest(path: "/"))
        #expect(self.paths.contains("state/secret"))
    }
}
