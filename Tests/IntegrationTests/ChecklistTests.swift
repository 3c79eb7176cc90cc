import Foundation
import TestSupport
import Testing

extension Integration {
    @Suite("Identifiers and visitors")
    struct Checklist {
        @Test(
            "the first requests to four workers, at the same moment, and those after a reload have nothing in common",
            .timeLimit(.minutes(5))
        )
        func firstRequests() async throws {
            try await TestApplication.with(workers: 4) { app in
                var values: [String] = []
                for _ in 0..<2 {
                    let workers = app.workers
                    values += try await withThrowingTaskGroup(of: [String].self) { group in
                        for _ in 0..<32 {
                            group.addTask {
                                // The value of each cookie; the nonce's first letters count generations, the identifier's name the secret.
                                try await app.get("/session").values("set-cookie").compactMap { field in
                                    field.split(separator: ";").first?.split(separator: "=").last.map { String($0.suffix(24)) }
                                }
                            }
                        }
                        var all: [String] = []
                        for try await some in group { all += some }
                        return all
                    }
                    app.program.signal(SIGHUP)
                    try await eventually("the workers are others") {
                        let now = app.workers
                        return now.count == 4 && Set(now).isDisjoint(with: workers)
                    }
                }
                #expect(values.count == 2 * 32 * 3)
                #expect(Set(values).count == values.count)
            }
        }

        @Test(
            "a start whose cookies another host could set says so, and no other start does",
            .timeLimit(.minutes(5)),
            arguments: ["__Host-", "__Secure-"]
        )
        func hostOnly(prefix: String) async throws {
            try await TestApplication.with(settings: ["PSESSION_COOKIE_PREFIX": prefix]) { app in
                let isSaid = app.log.contains("the session cookies are not bound to this host")
                #expect(isSaid == (prefix != "__Host-"))
            }
        }

        @Test("visitors who store nothing leave no file and get no cookie, whatever they present", .timeLimit(.minutes(5)))
        func plainVisitors() async throws {
            try await TestApplication.with { app in
                func files() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: app.folder["sessions"]).sorted() }
                let before = try files()
                for (path, words) in [
                    ("/", []), ("/hello", []), ("/session/peek", []), ("/session/details", ["-A", "Crawler/1.0"]), ("/no-such-page", []),
                    ("/session/peek", ["-H", "Cookie: sessionid=\(String(repeating: "A", count: 44))"]), ("/worker", ["-I"]),
                ] as [(String, [String])] {
                    let answers = try await app.repeated(path, count: 1500, ["--parallel", "--parallel-max", "8"] + words)
                    #expect(answers.count == 1500 || words == ["-I"], "\(path): \(answers.count)")
                    let setting = try await app.get(path).values("set-cookie")
                    #expect(setting.isEmpty, "\(path): \(setting)")
                }
                #expect(try files() == before)
                _ = try await app.get("/session")
                #expect(try files() != before)
            }
        }
    }
}
