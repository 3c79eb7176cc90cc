internal import FileSessionStore
internal import Glibc
internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

/// The directory that all processes of a torture share: the store, the secret, and the notes of what was done.
struct TortureGround: Sendable {
    /// The counters that everybody increments; every second increment is that of number 0.
    static let counters = 5
    /// The sessions that are ended while others change them.
    static let victims = 8
    /// The most elements of a list; it outgrows its slots several times on the way.
    static let listLength = 1500
    /// How many chains of rotated sessions a process has.
    static let chainsPerProcess = 2
    /// The end of what is to survive the last sweep.
    static let never = Timestamp(secondsSinceEpoch: 7_000_000_000)
    /// The end of what the last sweep is to remove.
    static let someday = Timestamp(secondsSinceEpoch: 6_000_000_000)

    let root: String

    var store: String { "\(self.root)/sessions" }
    private var secret: String { "\(self.root)/secret" }
    /// Its being there tells everybody to stop.
    var stopSign: String { "\(self.root)/stop" }

    /// The path of a file of notes.
    func note(_ name: String) -> String { "\(self.root)/notes/\(name)" }

    /// Makes the directories and draws the secret.
    func prepare() throws {
        guard unsafe mkdir("\(self.root)/notes", 0o700) == 0 else { throw SystemCallError("mkdir") }
        var random = SystemRandom()
        _ = try PrivateFile.create(self.secret, contents: ServerSecret(number: 7, using: &random).fileLine)
    }

    /// The server's secrets.
    func secrets() throws -> ServerSecrets {
        try ServerSecrets(parsing: PrivateFile.read(self.secret) ?? [])
    }

    /// Opens the store; what it logs and reports goes into the notes.
    func openStore() throws -> FileSessionStore {
        let log = try NoteFile(self.note("log"))
        var configuration = FileSessionStoreConfiguration(directory: self.store, maximumWaiters: 1000)
        configuration.inspectionTimeout = .seconds(30)
        return try FileSessionStore(configuration: configuration, logger: Logger(label: "store") { _ in NotingLogHandler(log) })
    }

    /// Opens the sessions of a store.
    func openRepository(_ store: FileSessionStore) throws -> SessionRepository {
        let incidents = try NoteFile(self.note("incidents"))
        var configuration = SessionRepositoryConfiguration()
        // Killed holders free their locks, so a longer wait is a fault of the store.
        configuration.timeout = .seconds(30)
        return try SessionRepository(store: store, secrets: self.secrets(), configuration: configuration) { incident in
            incidents.line("\(incident.kind.rawValue) \(incident.handle.map(\.description) ?? "-")")
        }
    }

    /// Identifiers that were written down, one a line.
    func identifiers(in name: String) -> [SessionIdentifier] {
        NoteFile.lines(of: self.note(name)).compactMap { SessionIdentifier(cookieValue: $0) }
    }

    /// The present time.
    static func now() -> Timestamp {
        Timestamp(nanosecondsSinceEpoch: WallClock.nanosecondsSinceEpoch())
    }
}
