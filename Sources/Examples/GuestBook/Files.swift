import FoundationEssentials
import ParanoidFastCGI

/// What a visitor has written.
struct Entry: Codable, Sendable {
    /// The time in milliseconds and a number that nobody guesses: names of files that sort by time.
    let id: String
    let author: String
    let text: String
    let writtenAt: Date
    var picture: PictureKind?

    /// Makes a new entry.
    ///
    /// - Throws: An error with status 422 that names the field when the text is empty or too long.
    init(author: String, text: String) throws {
        let text = String(text.drop(while: \.isWhitespace))
        var validation = Validation()
        validation.check(!text.isEmpty, "text", "cannot be empty")
        validation.check(text.count <= 2_000, "text", "has at most 2000 characters")
        try validation.finish()
        self.author = author
        self.text = text
        self.writtenAt = Date()
        let time = String(Int(self.writtenAt.timeIntervalSince1970 * 1000), radix: 36)
        self.id = "\(time)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }
}

/// The pictures that the book shows, known by their first bytes and not by what the browser says.
enum PictureKind: String, Codable, Sendable, CaseIterable {
    case png, jpeg, gif

    init?(_ bytes: [UInt8]) {
        let beginnings: [(PictureKind, [UInt8])] = [
            (.png, [0x89, 0x50, 0x4E, 0x47]), (.jpeg, [0xFF, 0xD8, 0xFF]), (.gif, Array("GIF8".utf8)),
        ]
        guard let kind = beginnings.first(where: { bytes.starts(with: $0.1) })?.0 else { return nil }
        self = kind
    }

    var contentType: String { "image/\(self.rawValue)" }
}

/// What the operator has to mend before the guest book starts.
struct SetupError: Error, CustomStringConvertible {
    let description: String
}

/// Users, entries and pictures as files: one file each, so that several workers need no lock.
struct Files: Sendable {
    private struct User: Codable {
        var name: String
        var password: PasswordHash
    }

    private let directory: String

    init(_ directory: String) throws {
        self.directory = directory
        for name in ["users", "entries", "pictures"] {
            try FileManager.default.createDirectory(
                atPath: "\(directory)/\(name)",
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
    }

    // MARK: Users

    static func isName(_ name: String) -> Bool {
        2...30 ~= name.count && name.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || $0.properties.numericType != nil }
    }

    /// Adds a user; `false` when somebody has that name.
    func addUser(_ name: String, password: String) throws -> Bool {
        let user = try JSONEncoder().encode(User(name: name, password: PasswordHash(of: password)))
        do {
            try user.write(to: URL(filePath: self.path(ofUser: name)), options: .withoutOverwriting)
            return true
        } catch let error as CocoaError where error.code == .fileWriteFileExists {
            return false
        }
    }

    /// Makes the administrator's account with the password of a file, and replaces an account of that name that has another password.
    ///
    /// - Throws: A ``SetupError`` when the name is none, or the file is not there or its password is too short.
    func setAdministrator(_ name: String, passwordFile path: String?) throws {
        guard Self.isName(name) else { throw SetupError(description: "GUESTBOOK_ADMIN is no name of 2 to 30 letters and digits") }
        guard let path, let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw SetupError(description: "GUESTBOOK_ADMIN needs GUESTBOOK_ADMIN_PASSWORD_FILE, a file that can be read")
        }
        let password = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        guard password.count >= 10 else { throw SetupError(description: "GUESTBOOK_ADMIN_PASSWORD_FILE has at least 10 characters") }
        // Every worker comes here; the first one that starts has made the account.
        if let known = try self.user(name, password: password), known.utf8.elementsEqual(name.utf8) { return }
        let user = try JSONEncoder().encode(User(name: name, password: PasswordHash(of: password)))
        try user.write(to: URL(filePath: self.path(ofUser: name)), options: .atomic)
    }

    /// Whether two names are of one account.
    func isSameUser(_ first: String, _ second: String) -> Bool {
        self.path(ofUser: first).utf8.elementsEqual(self.path(ofUser: second).utf8)
    }

    /// The name of the user who has this password; `nil` for a wrong one and an unknown name, after the same time.
    func user(_ name: String, password: String) throws -> String? {
        guard Self.isName(name), let data = try? Data(contentsOf: URL(filePath: self.path(ofUser: name))) else {
            _ = try PasswordHash(of: password)
            return nil
        }
        let user = try JSONDecoder().decode(User.self, from: data)
        return try user.password.matches(password) ? user.name : nil
    }

    /// A file name of digits and letters, whatever the name is; names that differ in case only are the same.
    private func path(ofUser name: String) -> String {
        "\(self.directory)/users/\(name.lowercased().utf8.map { String($0, radix: 16) }.joined(separator: "-"))"
    }

    // MARK: Entries

    /// All entries, the newest first.
    func entries() throws -> [Entry] {
        try FileManager.default.contentsOfDirectory(atPath: "\(self.directory)/entries").sorted(by: >).compactMap { try self.entry($0) }
    }

    /// An entry; `nil` when there is none.
    func entry(_ id: String) throws -> Entry? {
        guard let path = self.path(ofEntry: id), let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
        return try JSONDecoder().decode(Entry.self, from: data)
    }

    func add(_ entry: Entry) throws {
        guard let path = self.path(ofEntry: entry.id) else { return }
        // Atomic: nobody reads half an entry.
        try JSONEncoder().encode(entry).write(to: URL(filePath: path), options: .atomic)
    }

    /// Removes an entry and its picture; `false` when it is gone.
    func remove(_ id: String) throws -> Bool {
        guard let entry = try self.entry(id), let path = self.path(ofEntry: id) else { return false }
        try FileManager.default.removeItem(atPath: path)
        if entry.picture != nil { try FileManager.default.removeItem(atPath: self.picture(of: entry)) }
        return true
    }

    /// An identifier is a path only if it looks like one that was made here.
    private func path(ofEntry id: String) -> String? {
        let isOurs = id.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "-")
        }
        return isOurs && !id.isEmpty ? "\(self.directory)/entries/\(id)" : nil
    }

    // MARK: Pictures

    /// Keeps the picture of an entry.
    ///
    /// - Throws: An error with status 422 when the file is no picture.
    func keep(_ file: UploadedFile, as id: String) throws -> PictureKind {
        let kind = PictureKind(try file.bytes())
        var validation = Validation()
        validation.check(kind != nil, "picture", "is a PNG, JPEG or GIF file")
        try validation.finish()
        guard let kind else { throw HTTPError(.badRequest) }
        try file.move(to: "\(self.directory)/pictures/\(id)")
        return kind
    }

    func picture(of entry: Entry) -> String { "\(self.directory)/pictures/\(entry.id)" }
}
