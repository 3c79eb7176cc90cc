import GRDB

struct Note: Codable, FetchableRecord, PersistableRecord, Sendable {
    var id: Int64?
    var user: String
    var text: String
}

/// The notes in a database that all workers share.
struct NoteStore: Sendable {
    private let database: DatabasePool

    /// Opens the database, and makes it when it is absent.
    init(path: String) throws {
        var configuration = Configuration()
        // Another worker may be writing: wait for it instead of failing.
        configuration.busyMode = .timeout(5)
        self.database = try DatabasePool(path: path, configuration: configuration)
    }

    /// Brings the tables up to date, once, before there are workers.
    func migrate() throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("notes") { database in
            try database.create(table: "note") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("user", .text).notNull().indexed()
                table.column("text", .text).notNull()
            }
        }
        try migrator.migrate(self.database)
    }

    func notes(of user: String) async throws -> [Note] {
        try await self.database.read { database in
            try Note.filter(Column("user") == user).order(Column("id").desc).fetchAll(database)
        }
    }

    func add(_ text: String, of user: String) async throws {
        try await self.database.write { database in try Note(user: user, text: text).insert(database) }
    }

    func close() throws { try self.database.close() }
}
