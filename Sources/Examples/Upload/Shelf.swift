import Foundation
import ParanoidFastCGI

/// A file that was announced, and how much of it is here.
struct StoredUpload: Codable, Sendable {
    var id: String
    var name: String
    var size: Int
    var received = 0
}

/// The files: the bytes under the identifier, and what was announced beside them.
struct Shelf: Sendable {
    static let largest = 10 << 30
    private let directory: String

    init(_ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    func begin(_ name: String, size: Int) throws -> StoredUpload {
        let upload = StoredUpload(id: String(UInt64.random(in: .min ... .max), radix: 36), name: name, size: size)
        guard FileManager.default.createFile(atPath: self.path(of: upload), contents: nil, attributes: [.posixPermissions: 0o600]) else {
            throw HTTPError(.serviceUnavailable)
        }
        try JSONEncoder().encode(upload).write(to: URL(filePath: self.path(of: upload) + ".json"), options: .atomic)
        return upload
    }

    /// What is known of an upload, with the present size of its file.
    ///
    /// - Throws: An error with status 404 when there is none.
    func upload(_ id: String?) throws -> StoredUpload {
        guard let id, !id.isEmpty,
            id.utf8.allSatisfy({ UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let data = try? Data(contentsOf: URL(filePath: "\(self.directory)/\(id).json"))
        else { throw HTTPError(.notFound) }
        var upload = try JSONDecoder().decode(StoredUpload.self, from: data)
        upload.received = try FileManager.default.attributesOfItem(atPath: self.path(of: upload))[.size] as? Int ?? 0
        return upload
    }

    func uploads() throws -> [StoredUpload] {
        try FileManager.default.contentsOfDirectory(atPath: self.directory).sorted().compactMap { name in
            name.hasSuffix(".json") ? try self.upload(String(name.dropLast(5))) : nil
        }
    }

    /// The file, to be written where it ends now.
    func open(_ upload: StoredUpload) throws -> FileHandle {
        let file = try FileHandle(forWritingTo: URL(filePath: self.path(of: upload)))
        try file.seek(toOffset: UInt64(upload.received))
        return file
    }

    func path(of upload: StoredUpload) -> String { "\(self.directory)/\(upload.id)" }
}
