import ParanoidLinux
import Testing
import WorkerSupervisor

@testable import ParanoidFastCGI

@Suite("What a reload finds in its settings")
struct ReloadReviewTests {
    private static let before = ["HOME": "/home/a", "PARANOID_WORKERS": "2"]

    private func review(_ before: [String: String], _ after: [String: String]) throws -> SettingsReview {
        var environment = ProcessEnvironment()
        for (name, value) in after { environment[name] = value }
        return try ApplicationConfiguration(environment: before).review(environment)
    }

    @Test("are the changes that need a restart, by name and in the order of the page, and no others")
    func changes() throws {
        let after = Self.before.merging([
            "PARANOID_LISTEN": "127.0.0.1:9000", "PARANOID_STATUS": "none", "PARANOID_USER": "nobody", "PARANOID_THREADS": "3",
            "PSESSION_NONCE_TIMEOUT": "2", "PARANOID_WORKERS": "2",
        ]) { $1 }
        let review = try self.review(Self.before, after)
        #expect(review == SettingsReview(needsRestart: ["PARANOID_LISTEN", "PARANOID_USER", "PARANOID_STATUS"]))
    }

    @Test(
        "are none when nothing has changed, whether it was set or found at the start",
        arguments: [[:], ["PARANOID_LISTEN": "inherited"]]
    )
    func none(settings: [String: String]) throws {
        let before = Self.before.merging(settings) { $1 }
        #expect(try self.review(before, before) == SettingsReview())
        #expect(try self.review(["HOME": "/home/a"], ["HOME": "/home/a", "OTHER": "1"]) == SettingsReview())
    }

    @Test("is the setting that cannot be used", arguments: [("PARANOID_THREADS", "two"), ("PARANOID_THREDS", "1")])
    func unusable(name: String, value: String) throws {
        #expect(try self.review(Self.before, Self.before.merging([name: value]) { $1 }) == SettingsReview(unusable: name))
    }

    @Test("can be every setting that is said to need a restart")
    func names() {
        #expect(Setting.needingRestart.subtracting(Setting.all.map(\.name)) == [])
    }
}
