import ParanoidFastCGI

// A guest book: users with passwords, forms with tokens, pictures, an administrator and a JSON interface.
// GuestBook.swift lists the pages. Tests/GuestBookTests tests all of it in one process.

let configuration = GuestBook.configuration()

await Application.main(configuration: configuration) { app in
    try GuestBook(configuration.environment).register(on: app)
}
