internal import FileSessionStore
internal import ParanoidLinux
internal import Logging
internal import ParanoidSessions

/// The directory of a benchmark, and what is opened in it.
struct BenchPlace: Sendable {
    let root: String
    private let secrets: ServerSecrets
    private let log: NoteFile

    init(below directory: String) throws {
        PrivateFile.makeParents(of: "\(directory)/.")
        self.root = try ScratchDirectory.make(in: directory)
        var random = SystemRandom()
        self.secrets = try ServerSecrets([ServerSecret(number: 1, using: &random)])
        self.log = try NoteFile("\(self.root)/log")
    }

    var sessions: String { "\(self.root)/sessions" }

    /// Opens a store that keeps so many files open.
    func openStore(keptFiles: Int) throws -> FileSessionStore {
        let configuration = FileSessionStoreConfiguration(directory: self.sessions, maximumOpenFiles: keptFiles)
        return try FileSessionStore(configuration: configuration, logger: Logger(label: "store") { [log] _ in NotingLogHandler(log) })
    }

    /// Opens the sessions of a store, keeping so many opened records.
    func openRepository(_ store: FileSessionStore, cachedSessions: Int) throws -> SessionRepository {
        var configuration = SessionRepositoryConfiguration()
        configuration.cachedSessions = cachedSessions
        return SessionRepository(store: store, secrets: self.secrets, configuration: configuration) { [log] incident in
            log.line("\(incident.kind.rawValue) \(incident.handle.map(\.description) ?? "-")")
        }
    }

    /// Makes all session files look as if nobody had written them for so long.
    func age(by duration: Duration) throws {
        let time = WallClock.nanosecondsSinceEpoch() - duration.wholeNanoseconds
        let root = try SecureDirectory.openOrCreate(self.sessions)
        for shard in 0..<256 {
            guard let directory = try root.openDirectory(SessionName.digits(of: [UInt8(shard)])) else { continue }
            var reader = DirectoryReader(directory)
            while try reader.advance() { try reader.open().setModificationTime(time) }
        }
    }

    /// Whether nothing was logged or reported.
    var isQuiet: Bool { NoteFile.count(of: "\(self.root)/log") == 0 }

    /// Removes everything.
    func remove() {
        ScratchDirectory.removeTree(at: self.root)
    }
}
