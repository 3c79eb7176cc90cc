import Testing

@testable import ParanoidSessions

@Suite("Lifetimes of sessions")
struct LifetimesTests {
    private static let begin = Timestamp(secondsSinceEpoch: 1_000_000)

    private static func at(_ seconds: Int) -> Timestamp { Self.begin.advanced(by: .seconds(seconds)) }

    /// Idle 1000 s, absolute 3000 s; anonymous: idle 500 s, absolute 2000 s.
    private static func settings(_ profile: GuardSettings.Profile = .paranoid) -> GuardSettings {
        var settings = GuardSettings()
        settings.profile = profile
        settings.lifetime = .seconds(1000)
        settings.absoluteLifetime = .seconds(3000)
        settings.anonymousLifetime = .seconds(500)
        settings.anonymousAbsoluteLifetime = .seconds(2000)
        return settings
    }

    private static func record(loggedInAt seconds: Int?, authenticatedAt: Int? = nil, lifetime: SessionLifetime = .standard)
        -> SessionRecord
    {
        let user = seconds.map { SessionUser(name: "ann", loggedInAt: Self.at($0), authenticatedAt: authenticatedAt.map(Self.at)) }
        return SessionRecord(createdAt: Self.begin, lifetime: lifetime, user: user)
    }

    /// One row: who, since when, what time it is, and what follows.
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var loggedInAt: Int?
        var authenticatedAt: Int?
        var lifetime = SessionLifetime.standard
        var profile = GuardSettings.Profile.paranoid
        var now: Int
        var expiry: Int
        var cookieAge: Int?
        var isOver = false

        var testDescription: String { self.name }
    }

    @Test(
        "end after the last use, and at the latest at the absolute end, which no use moves and no cookie outlives",
        arguments: [
            Row(name: "fresh login", loggedInAt: 0, now: 0, expiry: 1000, cookieAge: 1000),
            Row(name: "login in use", loggedInAt: 0, now: 1900, expiry: 2900, cookieAge: 1000),
            Row(name: "login near its end", loggedInAt: 0, now: 2400, expiry: 3000, cookieAge: 600),
            Row(name: "login at its end", loggedInAt: 0, now: 3000, expiry: 3000, cookieAge: 1, isOver: true),
            Row(name: "login in an old session", loggedInAt: 1900, now: 2400, expiry: 3400, cookieAge: 1000),
            Row(name: "step-up restarts the absolute time", loggedInAt: 0, authenticatedAt: 2900, now: 3500, expiry: 4500, cookieAge: 1000),
            Row(
                name: "own lifetime is no way around it",
                loggedInAt: 0,
                lifetime: .idle(.seconds(100_000)),
                now: 10,
                expiry: 3000,
                cookieAge: 2990
            ),
            Row(
                name: "own lifetime until the browser closes",
                loggedInAt: 0,
                lifetime: .untilBrowserCloses,
                now: 2500,
                expiry: 3000,
                cookieAge: nil
            ),
            Row(name: "fresh anonymous", now: 0, expiry: 500, cookieAge: 500),
            Row(name: "anonymous near its end", now: 1800, expiry: 2000, cookieAge: 200),
            Row(name: "anonymous at its end", now: 2000, expiry: 2000, cookieAge: 1, isOver: true),
            Row(name: "compatible has no such end", loggedInAt: 0, profile: .compatible, now: 9000, expiry: 10_000, cookieAge: 1000),
            // A clock that was set back: the stamps lie in the future and count as made now.
            Row(name: "login from the future", loggedInAt: 90_000, now: 10, expiry: 1010, cookieAge: 1000),
            Row(name: "begun in the future", now: -90_000, expiry: -89_500, cookieAge: 500),
        ]
    )
    func ends(_ row: Row) {
        let settings = Self.settings(row.profile)
        let record = Self.record(loggedInAt: row.loggedInAt, authenticatedAt: row.authenticatedAt, lifetime: row.lifetime)
        #expect(settings.expiry(of: record, at: Self.at(row.now)) == Self.at(row.expiry))
        #expect(settings.cookieAge(of: record, at: Self.at(row.now)) == row.cookieAge.map { .seconds($0) })
        #expect(settings.isOver(record, at: Self.at(row.now)) == row.isOver)
    }

    @Test("without a setting have no absolute end")
    func none() {
        var settings = Self.settings()
        settings.absoluteLifetime = nil
        settings.anonymousAbsoluteLifetime = nil
        #expect(settings.absoluteEnd(of: Self.record(loggedInAt: 0), at: Self.at(5)) == nil)
        #expect(settings.absoluteEnd(of: Self.record(loggedInAt: nil), at: Self.at(5)) == nil)
        #expect(!settings.isOver(Self.record(loggedInAt: 0), at: .distantFuture))
    }

    @Test(
        "are renewed by reading once a tenth of the idle time has passed, not before, and corrected when a clock was ahead",
        arguments: [
            (now: 0, stored: 1000, isDue: false), (now: 99, stored: 1000, isDue: false), (now: 100, stored: 1000, isDue: true),
            (now: 900, stored: 1000, isDue: true),
            // Nothing is gained by writing what is limited by the absolute end.
            (now: 2500, stored: 3000, isDue: false), (now: 2990, stored: 3000, isDue: false),
            // Stored by a clock that was ahead.
            (now: 0, stored: 1100, isDue: false), (now: 0, stored: 1101, isDue: true), (now: 0, stored: 900_000, isDue: true),
        ]
    )
    func renewal(_ row: (now: Int, stored: Int, isDue: Bool)) {
        let record = Self.record(loggedInAt: 0)
        #expect(Self.settings().isRenewalDue(of: record, storedEnd: Self.at(row.stored), at: Self.at(row.now)) == row.isDue)
        #expect(!Self.settings(.compatible).isRenewalDue(of: record, storedEnd: Self.at(row.stored), at: Self.at(row.now)))
        #expect(!Self.settings().isRenewalDue(of: record, storedEnd: nil, at: Self.at(row.now)))
    }

    @Test("keep level and time of a proof in the record, but not for another login than theirs")
    func coding() {
        var record = Self.record(loggedInAt: 5, authenticatedAt: 70)
        record.user?.level = .secondFactor
        #expect(SessionRecord(decoding: record.encoded()) == record)
        // Older code keeps the part it does not know when somebody else logs in.
        var writer = RecordWriter()
        writer.byte(SessionRecord.formatVersion)
        writer.section(4) { section in
            section.integer(Self.at(9).nanosecondsSinceEpoch)
            section.bytes(Array("bob".utf8))
        }
        writer.section(8) { section in
            section.integer(Self.at(5).nanosecondsSinceEpoch)
            section.integer(Self.at(70).nanosecondsSinceEpoch)
            section.byte(AssuranceLevel.secondFactor.rawValue)
        }
        let mixed = SessionRecord(decoding: writer.output)
        #expect(mixed?.user == SessionUser(name: "bob", loggedInAt: Self.at(9)))
    }
}
