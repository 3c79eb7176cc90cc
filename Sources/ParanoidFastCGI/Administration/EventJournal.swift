internal import Logging
internal import ParanoidLinux
internal import ParanoidSessions
internal import Synchronization

/// The file that keeps the last events of users' sessions, for those who are asked why somebody was logged out.
///
/// A ring of records of one length: the file never grows beyond its size. Each record is sealed by a key of the server's secrets; the tag of its
/// user is beside it, so that only the records of one user are opened. A record is written in one call under a lock of the file, which lasts as long
/// as that call.
final class EventJournal: Sendable {
    /// How many events are kept.
    static let capacity = 20_000
    /// Number of the secret, length of the sealed bytes, the user's tag, the sealed bytes.
    private static let recordByteCount = 1 + 2 + 16 + 1005
    private static let headerByteCount = 1024
    private static let magic = Array("PSEV0001".utf8)

    private let path: String
    private let repository: SessionRepository
    private let logger: Logger
    private let rate = Mutex(LogAllowance())

    init(_ path: String, repository: SessionRepository, logger: Logger) {
        self.path = path
        self.repository = repository
        self.logger = logger
    }

    // MARK: Writing

    /// Keeps an event that says something of a user or of a session of theirs.
    func note(_ event: SessionEvent) {
        switch event.kind {
        case .created, .rotated, .released, .guessing: return
        case .login, .logout, .revoked, .expired, .limit, .reuse, .tokenReuse, .refused, .challenged, .changed: break
        }
        guard event.user != nil || event.handle != nil else { return }
        self.append(
            KeptEvent(
                time: event.time,
                kind: event.kind.rawValue,
                reason: event.reason?.rawValue ?? "",
                session: event.handle?.description ?? "",
                user: event.user ?? "",
                client: event.client,
                signals: event.signals.joined(separator: " "),
                count: event.count
            )
        )
    }

    /// Keeps what was ended from outside of a request.
    func noteRevocation(
        of user: String?,
        handle: SessionHandle?,
        count: Int,
        by administrator: KeptEvent.Administrator,
        at now: Timestamp
    ) {
        self.append(
            KeptEvent(
                time: now,
                kind: user == nil ? KeptEvent.everyone : SessionEvent.Kind.revoked.rawValue,
                reason: administrator.rawValue,
                session: handle?.description ?? "",
                user: user ?? "",
                client: "",
                signals: "",
                count: count
            )
        )
    }

    /// Keeps that sessions were removed whose time was over: those who never come back show no request that it could be told of.
    func note(expired sessions: [SweepReport.Expired]) {
        for session in sessions {
            self.append(
                KeptEvent(
                    time: session.at,
                    kind: SessionEvent.Kind.expired.rawValue,
                    reason: KeptEvent.unseen,
                    session: session.handle.description,
                    user: "",
                    client: "",
                    signals: "",
                    count: 1
                )
            )
        }
    }

    private func append(_ event: KeptEvent) {
        // What a client can cause must not keep the disk busy.
        guard self.rate.withLock({ $0.admit(.hundredASecond, now: CoarseClock.now()) }) != nil else {
            return self.logger.error(
                "an event cannot be kept",
                metadata: ["file": "\(self.path)", "error": "more than \(LogLimit.hundredASecond) happen"]
            )
        }
        let record = self.record(of: event)
        do throws(SystemCallError) {
            let file = try RingFile(self.path, isWritable: true)
            try file.append(
                record,
                capacity: Self.capacity,
                headerByteCount: Self.headerByteCount,
                magic: Self.magic
            )
        } catch {
            self.logger.error("an event cannot be kept", metadata: ["file": "\(self.path)", "error": "\(error)"])
        }
    }

    private func record(of event: KeptEvent) -> [UInt8] {
        let keys = self.repository.newestKeys
        let tag = Self.tag(event.user, keys)
        var sealed: [UInt8] = []
        var generator = SystemRandom()
        SessionSeal.seal(event.encoded, into: &sealed, with: keys.eventKey, context: tag, using: &generator)
        var record = [keys.number, UInt8(sealed.count >> 8), UInt8(sealed.count & 0xFF)] + tag + sealed
        record += [UInt8](repeating: 0, count: Self.recordByteCount - record.count)
        return record
    }

    /// A tag of zeros is everybody's: what ends all sessions, and what is known by its session only.
    private static func tag(_ user: String, _ keys: ServerKeys) -> [UInt8] {
        user.isEmpty ? [UInt8](repeating: 0, count: 16) : keys.eventTag(of: user)
    }

    // MARK: Reading

    /// The events of a user, the oldest first: those that name the user, those of sessions in which the user was logged in, and those of everybody.
    func events(ofUser user: String) throws(SystemCallError) -> [KeptEvent] {
        guard let file = try? RingFile(self.path, isWritable: false) else { return [] }
        let records = try file.records(of: Self.recordByteCount, headerByteCount: Self.headerByteCount, magic: Self.magic)
        let keys = self.repository.allKeys
        let tags = keys.map { (number: $0.number, tag: Self.tag(user, $0), keys: $0) }
        var own: [KeptEvent] = []
        var others: [KeptEvent] = []
        for record in records {
            guard let key = tags.first(where: { $0.number == record[0] }) else { continue }
            let tag = Array(record[3..<19])
            let isOwn = tag == key.tag
            guard isOwn || tag.allSatisfy({ $0 == 0 }) else { continue }
            let length = Int(record[1]) << 8 | Int(record[2])
            guard 19 + length <= record.count,
                let bytes = SessionSeal.open(record[19..<(19 + length)], with: key.keys.eventKey, context: tag),
                let event = KeptEvent(decoding: bytes)
            else { continue }
            if isOwn { own.append(event) } else { others.append(event) }
        }
        let sessions = Set(own.map(\.session).filter { !$0.isEmpty })
        own += others.filter { $0.kind == KeptEvent.everyone || sessions.contains($0.session) }
        return own.sorted { $0.time < $1.time }
    }
}
