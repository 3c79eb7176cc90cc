import FileSessionStore
import Foundation
import ParanoidFastCGI
import ParanoidFastCGITesting
import ParanoidSessions
import TestSupport
import Testing

@Suite("The files of one session")
struct SessionFilesTests {
    private let made: SessionApplication

    init() throws {
        self.made = try SessionApplication()
        self.made.app.post("/login") { request in
            try await request.session.logIn(as: "ann")
            return "in"
        }
        self.made.app.post("/rotate") { request in
            try await request.session.rotate()
            return "rotated"
        }
        self.made.app.get("/user") { request in try await request.session.user ?? "nobody" }
    }

    private func files() throws -> Int {
        let sessions = URL(fileURLWithPath: self.made.app.configuration.sessionDirectory)
        let shards = try FileManager.default.contentsOfDirectory(atPath: sessions.path).filter { $0.utf8.count == 2 }
        return try shards.reduce(0) { try $0 + FileManager.default.contentsOfDirectory(atPath: sessions.appending(path: $1).path).count }
    }

    @Test("stay below 320, however often its client changes the network, and each change brings a new identifier")
    func networks() async throws {
        var ann = TestClient(self.made.app, agent: "A")
        _ = try await ann.post("/login")
        var identifiers: Set<String?> = []
        var most = 0
        let directory = self.made.app.configuration.sessionDirectory
        let store = try FileSessionStore(configuration: .init(directory: directory), logger: Logger(label: "test"))
        for number in 0..<1500 {
            self.made.time.advance(by: .seconds(13))
            ann.address = "10.\(number / 250).\(number % 250).1"
            #expect(try await ann.get("/user").text == "ann")
            identifiers.insert(ann.cookies[session: "__Host-sessionid"])
            if number % 100 == 99 {
                while try await !store.sweep(expiredAt: self.made.time.now, budget: 1000).isComplete {}
                most = max(most, try self.files())
            }
        }
        #expect(identifiers.count > 700)
        #expect(10...320 ~= most)
    }

    @Test("are two while its client shows none of the identifiers that it is given, and the one given last leads on")
    func ignored() async throws {
        var ann = TestClient(self.made.app, agent: "A")
        _ = try await ann.post("/login")
        let before = try self.files()
        var told: Set<String?> = []
        for _ in 0..<20 {
            var deaf = ann
            #expect(try await deaf.post("/rotate").text == "rotated")
            told.insert(deaf.cookies[session: "__Host-sessionid"])
            self.made.time.advance(by: .seconds(1))
        }
        #expect(told.count == 1 && !told.contains(ann.cookies[session: "__Host-sessionid"]))
        #expect(try self.files() == before + 1)
        #expect(try await ann.get("/user").text == "ann")
        #expect(told == [ann.cookies[session: "__Host-sessionid"]])
        #expect(try await ann.get("/user").text == "ann")
    }

    @Test("say for as many times as an identifier was in use, at the most for a day, that its jar was copied")
    func alarm() throws {
        let settings = GuardSettings()
        #expect(settings.overlap(ofLogin: false) == .seconds(86_400))
        #expect(settings.overlap(ofLogin: false, after: .seconds(12)) == .seconds(600))
        #expect(settings.overlap(ofLogin: false, after: .seconds(3600)) == .seconds(86_400))
        #expect(settings.overlap(ofLogin: false, after: .seconds(-5)) == settings.delayBound)
        #expect(settings.overlap(ofLogin: true, after: .seconds(12)) == nil)
    }
}
