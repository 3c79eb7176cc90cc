import ParanoidFastCGI

// Notes of each user, in an SQLite database and on pages from templates. NOTES_DATABASE is the path of the database.

let configuration = ApplicationConfiguration.fromEnvironment()

await Application.main(configuration: configuration) { app in
    let store = try NoteStore(path: configuration.environment["NOTES_DATABASE"] ?? "notes.sqlite")
    app.onStart(.supervisor) { try store.migrate() }
    app.onStop(.worker) { try store.close() }
    try NotePages(store: store).register(on: app)
}
