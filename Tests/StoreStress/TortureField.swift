internal import FileSessionStore
internal import Glibc
internal import ParanoidSessions
internal import Synchronization

/// What one worker process has open, shared by its tasks.
final class TortureField: Sendable {
    /// The notes on one counted session.
    struct Tallies: Sendable {
        let tried: NoteFile
        let done: NoteFile
        /// Attempts that were given up because the session could not be found.
        let missed: NoteFile

        init(_ name: String, on ground: TortureGround) throws {
            self.tried = try NoteFile(ground.note("\(name).tried"))
            self.done = try NoteFile(ground.note("\(name).done"))
            self.missed = try NoteFile(ground.note("\(name).missed"))
        }
    }

    /// A session that is rotated by one task and counted up by all.
    struct Chain: Sendable {
        let tallies: Tallies
        let whereabouts: Whereabouts
        let candidates: NoteFile

        init(_ number: Int, on ground: TortureGround) throws {
            self.tallies = try Tallies("chain.\(number)", on: ground)
            self.whereabouts = try Whereabouts(ground.note("chain.\(number).current"))
            self.candidates = try NoteFile(ground.note("chain.\(number).candidates"))
        }
    }

    let ground: TortureGround
    let store: FileSessionStore
    let repository: SessionRepository
    let counters: [(identifier: SessionIdentifier, tallies: Tallies)]
    let lists: [SessionIdentifier]
    let chains: [Chain]
    let victims: [Whereabouts]
    let ended: NoteFile
    let logouts: NoteFile
    let currentList = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    private let violations: NoteFile

    init(_ ground: TortureGround, chains: Int) throws {
        self.ground = ground
        self.store = try ground.openStore()
        self.repository = try ground.openRepository(self.store)
        self.counters = try ground.identifiers(in: "counters").enumerated().map {
            ($0.element, try Tallies("counter.\($0.offset)", on: ground))
        }
        self.lists = ground.identifiers(in: "lists")
        self.chains = try (0..<chains).map { try Chain($0, on: ground) }
        self.victims = try (0..<TortureGround.victims).map { try Whereabouts(ground.note("victim.\($0).current")) }
        self.ended = try NoteFile(ground.note("ended"))
        self.logouts = try NoteFile(ground.note("logouts"))
        self.violations = try NoteFile(ground.note("violations"))
    }

    /// Notes what must not happen.
    func violation(_ what: String) {
        self.violations.line("process \(getpid()): \(what)")
    }

    /// Notes that a session was ended, by us alone.
    func noteEnd(of identifier: SessionIdentifier) {
        self.ended.line(identifier.cookieValue)
    }
}
