/// What to measure.
struct BenchSettings: Sendable {
    var directory: String
    /// The number of sessions in the store.
    var sessions = 10_000
    /// Calls per operation; `nil` takes one per session.
    var operations: Int?
    /// The only operations to measure; `nil` takes all.
    var only: Set<String>?
    /// How many of the sessions are used by the operations on kept sessions.
    var workingSet: Int?
    /// Whether to measure reads and commits while a sweep runs, too.
    var measuresSweepEffect = false

    /// Whether the files stay: a million are faster removed with their file system.
    var leavesFiles = false

    /// Parses `DIRECTORY [SESSIONS] [--operations N] [--only ROW,…] [--working-set N] [--sweep-effect] [--leave]`; `nil` for anything else.
    init?(_ words: some Collection<String>) {
        var words = Array(words)
        guard !words.isEmpty else { return nil }
        self.directory = words.removeFirst()
        if let first = words.first, let sessions = Int(first) {
            guard sessions > 0 else { return nil }
            self.sessions = sessions
            words.removeFirst()
        }
        while !words.isEmpty {
            let word = words.removeFirst()
            if word == "--sweep-effect" {
                self.measuresSweepEffect = true
                continue
            }
            if word == "--leave" {
                self.leavesFiles = true
                continue
            }
            guard !words.isEmpty else { return nil }
            let value = words.removeFirst()
            switch word {
            case "--operations":
                guard let count = Int(value), count >= 0 else { return nil }
                self.operations = count
            case "--working-set":
                guard let count = Int(value), count > 0 else { return nil }
                self.workingSet = count
            case "--only": self.only = Set(value.split(separator: ",").map(String.init))
            default: return nil
            }
        }
    }
}
