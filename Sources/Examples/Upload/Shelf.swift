import FoundationEssentials
import Glibc
import ParanoidFastCGI

/// A file that was announced, and how much of it is here.
struct StoredUpload: Codable, Sendable {
    var id: String
    var name: String
    var size: Int
    var received = 0
}

/// The files of one session: the bytes under the identifier, and what was announced beside them.
///
/// Each session has a directory of its own, so that no other one finds its files.
struct Shelf: Sendable {
    static let largest = 10 << 30
    private let directory: String

    init(_ directory: String, owner: String) {
        self.directory = "\(directory)/\(owner)"
    }

    func begin(_ name: String, size: Int) throws -> StoredUpload {
        try FileManager.default.createDirectory(
            atPath: self.directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
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
        var status = stat()
        guard unsafe lstat(self.path(of: upload), &status) == 0 else { throw HTTPError(.notFound) }
        upload.received = status.st_size
        return upload
    }

    func uploads() throws -> [StoredUpload] {
        guard FileManager.default.fileExists(atPath: self.directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: self.directory).sorted().compactMap { name in
            name.hasSuffix(".json") ? try self.upload(String(name.dropLast(5))) : nil
        }
    }

    /// The file, locked for one writer; `nil` while another request writes it, in this worker or another.
    func open(_ upload: StoredUpload) throws -> LockedFile? { try LockedFile(self.path(of: upload)) }

    func path(of upload: StoredUpload) -> String { "\(self.directory)/\(upload.id)" }
}

/// A file that only its holder appends to.
///
/// Its end gives the lock back.
struct LockedFile: ~Copyable {
    private let descriptor: CInt
    /// The size when it was locked: no other slice changes it from then on.
    let size: Int

    init?(_ path: String) throws {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw HTTPError(.notFound) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = Glibc.close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.size = lseek(descriptor, 0, SEEK_END)
    }

    deinit { _ = Glibc.close(self.descriptor) }

    func append(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes { unsafe Glibc.write(self.descriptor, $0.baseAddress, $0.count) }
            // A full disk: the browser goes on later, behind what was written.
            guard count > 0 || errno == EINTR else { throw HTTPError(.serviceUnavailable) }
            written += max(0, count)
        }
    }
}
