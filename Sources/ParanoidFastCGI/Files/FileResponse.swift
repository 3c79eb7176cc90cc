internal import HTTPTypes
public import ParanoidHTTP
internal import ParanoidLinux

extension Response {
    /// A file, with validators, conditions and ranges (RFC 9110, sections 8.8, 13 and 14).
    ///
    /// The bytes are read as the client takes them. Blocks a moment for the opening. For many or large files let nginx send them, see
    /// `AcceleratedFiles`.
    ///
    /// - Parameters:
    ///   - path: The path, which the application has chosen: nothing of it may come from a client. A symbolic link at its end is not followed.
    ///   - request: The request, for its conditions and ranges.
    ///   - contentType: The media type.
    /// - Throws: ``HTTPError`` with status 404 when there is no such regular file; an error of the disk.
    public static func file(_ path: String, for request: Request, contentType: String = "application/octet-stream") throws -> Response {
        let (file, status) = try Self.open(path)
        guard status.kind == .regular else { throw HTTPError.notFound }
        return try self.file(file, status, for: request, contentType: contentType)
    }

    /// The same for a file that is open.
    static func file(_ file: OpenFile, _ status: FileStatus, for request: Request, contentType: String) throws -> Response {
        let length = status.size
        let modified = HTTPDate(secondsSinceUnixEpoch: status.modifiedAt / 1_000_000_000)
        // A file that was written a moment ago may be written again with the same time: its tag says so.
        let isSettled = WallClock.nanosecondsSinceEpoch() - status.modifiedAt > 2_000_000_000
        let tag = "\"\(Hexadecimal.text(UInt64(max(0, status.modifiedAt))))-\(Hexadecimal.text(UInt64(length)))\""

        let writePart: @Sendable (Range<Int>, any ResponseBodyWriter) async throws -> Void = { range, writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let bytes = try file.bytes(at: offset, count: min(Self.pieceSize, range.upperBound - offset))
                // A file that became shorter meanwhile cuts the response off.
                guard !bytes.isEmpty else { throw SystemCallError.inputOutput }
                try await writer.write(bytes)
                offset += bytes.count
            }
        }
        var response = Response(body: .stream(length: length) { try await writePart(0..<length, $0) })
        try response.setHeader(contentType, for: .contentType)
        try response.setHeader(isSettled ? tag : "W/" + tag, for: .eTag)
        try response.setHeader(modified.text, for: .lastModified)
        return response.conditional(for: request, length: length, writePart: writePart)
    }

    private static func open(_ path: String) throws -> (OpenFile, FileStatus) {
        do throws(SystemCallError) {
            let file = try OpenFile(reading: path)
            return (file, try file.status())
        } catch {
            throw error.isAbsent || error.isWrongKind ? HTTPError(.notFound, cause: error) : error
        }
    }

    private static var pieceSize: Int { 1 << 18 }
}

extension OpenFile {
    /// Up to `count` bytes at an offset; none at the end.
    fileprivate func bytes(at offset: Int, count: Int) throws(SystemCallError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { unsafe buffer.deallocate() }
        let read = unsafe try self.read(into: buffer, at: offset)
        return unsafe Array(buffer.prefix(read))
    }
}
