internal import HTTPTypes
public import ParanoidHTTP
internal import ParanoidLinux

/// A file that a client has uploaded with a form, in a private temporary file without a name.
///
/// The file is gone when the last copy of this value goes, however the process ends; ``move(to:)`` keeps it.
public struct UploadedFile: Decodable, Sendable {
    /// The client's name for the file, cleaned for being shown: no slashes, no control characters.
    ///
    /// Never use it as a path.
    public let fileName: String
    /// The media type in the client's words; `nil` when it says nothing.
    ///
    /// It proves nothing about the bytes.
    package let contentType: String?
    /// The size in bytes.
    public let byteCount: Int
    private let file: TemporaryFile

    fileprivate init(_ part: MultipartPart, in directory: String) async throws {
        self.fileName = part.fileName ?? "file"
        self.contentType = part.contentType
        let file = try Self.withRoom { () throws(SystemCallError) in try TemporaryFile(in: directory) }
        var count = 0
        for try await bytes in part {
            try Self.withRoom { () throws(SystemCallError) in try file.file.write(unsafe bytes.span.bytes, at: count) }
            count += bytes.count
        }
        self.file = file
        self.byteCount = count
    }

    /// Takes a file of a form; only `decodeMultipart(_:limits:)` has files to decode.
    public init(from decoder: any Decoder) throws {
        guard let field = decoder as? any FileFieldDecoder, let files = decoder.userInfo[Self.filesKey] as? [UploadedFile] else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a file comes with a multipart form only")
            )
        }
        self = files[try field.fileIndex()]
    }

    /// Has a client come again later when the disk is full, or when the process has no descriptor left: it can do nothing about it, and neither
    /// can the application.
    private static func withRoom<Value>(_ use: () throws(SystemCallError) -> Value) throws -> Value {
        do throws(SystemCallError) {
            return try use()
        } catch {
            guard error.isOutOfSpace || error.isOutOfDescriptors else { throw error }
            throw HTTPError(.serviceUnavailable, message: "There is no room for the file at the moment.", cause: error).adding(
                "60",
                for: .retryAfter
            )
        }
    }

    /// Reads the whole file into memory; blocks for as long as the disk takes.
    ///
    /// - Throws: An error of the disk.
    public func bytes() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: self.byteCount)
        var done = 0
        while done < bytes.count {
            let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
                try unsafe self.file.file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: done)
            }
            guard count > 0 else { throw SystemCallError.inputOutput }
            done += count
        }
        return bytes
    }

    /// Keeps the file under a path that the application has chosen, with mode 0600; blocks for as long as the disk takes.
    ///
    /// A path on the file system of the temporary file costs no copy.
    ///
    /// - Throws: An error when something has that name already: nothing is ever replaced; ``HTTPError`` with status 503 when the disk is full.
    public func move(to path: String) throws {
        try Self.withRoom { () throws(SystemCallError) in try self.file.link(as: path) }
    }

    fileprivate static let filesKey: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "files") else { preconditionFailure("every text is a key") }
        return key
    }()
}

extension Request {
    /// Reads a `multipart/form-data` body and decodes it: fields as `decodeForm(_:)` does, files as ``UploadedFile``, several of one name as an array.
    ///
    /// Files go to temporary files of this user in `TMPDIR`, else `/var/tmp`, as they come. An input that was left empty is no file.
    ///
    /// - Throws: ``HTTPError``: 415 for another content type, 413 over a limit, 400 for a body that is not such a form, is not complete or does not fit the
    ///   type, 503 when the disk is full; another error of the disk.
    public func decodeMultipart<Value: Decodable>(_ type: Value.Type, limits: MultipartLimits = MultipartLimits()) async throws -> Value {
        var fields = FormFields()
        var files: [UploadedFile] = []
        for try await part in try self.multipart(limits: limits) {
            if part.fileName != nil {
                let file = try await UploadedFile(part, in: TemporaryDirectoryPath.current)
                guard part.isNamed || file.byteCount > 0 else { continue }
                fields.append(file: files.count, named: part.name)
                files.append(file)
            } else {
                guard fields.append(try await part.collect(upTo: limits.fieldBytes), named: part.name) else {
                    throw HTTPError(.badRequest, message: "The form is not valid.")
                }
            }
        }
        return try fields.decode(type, userInfo: [UploadedFile.filesKey: files])
    }
}

/// Where temporary files go.
private enum TemporaryDirectoryPath {
    static let current: String = {
        let named = ProcessEnvironment.current()["TMPDIR"] ?? ""
        return named.utf8.first == UInt8(ascii: "/") ? named : "/var/tmp"
    }()
}
