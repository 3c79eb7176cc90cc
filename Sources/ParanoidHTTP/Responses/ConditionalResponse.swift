internal import HTTPTypes

extension Request {
    /// Checks the conditions of a request that changes something (RFC 9110, section 13): the client says which version it has seen.
    ///
    /// ```swift
    /// try request.checkPreconditions(entityTag: "\"\(page.version)\"")
    /// ```
    ///
    /// - Parameters:
    ///   - entityTag: The entity tag of what is there now, with or without its quotes; `nil`: it has none.
    ///   - lastModified: When it was last changed, in seconds since 1970; `nil`: that is not known, and `If-Unmodified-Since` counts for nothing.
    ///     Without both there is nothing yet.
    /// - Throws: ``HTTPError`` with status 412 when a condition does not hold.
    public func checkPreconditions(entityTag: String?, lastModified: Int64? = nil) throws(HTTPError) {
        let outcome = self.preconditions.evaluate(
            isReading: false,
            exists: entityTag != nil || lastModified != nil,
            tag: entityTag.map { EntityTag(parsing: $0.utf8) ?? EntityTag(Array($0.utf8)) },
            modified: lastModified.map { HTTPDate(secondsSinceUnixEpoch: $0) }
        )
        if outcome == .failed { throw HTTPError(.preconditionFailed) }
    }

    /// The conditions in the header.
    package var preconditions: Preconditions {
        var conditions = Preconditions()
        conditions.ifMatch = self.parameters.joinedBytes(of: "HTTP_IF_MATCH")
        conditions.ifNoneMatch = self.parameters.joinedBytes(of: "HTTP_IF_NONE_MATCH")
        conditions.ifModifiedSince = self.parameters.bytes(of: "HTTP_IF_MODIFIED_SINCE")
        conditions.ifUnmodifiedSince = self.parameters.bytes(of: "HTTP_IF_UNMODIFIED_SINCE")
        conditions.ifRange = self.parameters.bytes(of: "HTTP_IF_RANGE")
        return conditions
    }
}

extension Response {
    /// Sets `Last-Modified` (RFC 9110, section 8.8.2).
    ///
    /// - Parameter seconds: When the representation was last changed, in seconds since 1970.
    public mutating func setLastModified(_ seconds: Int64) { self.set(HTTPDate(secondsSinceUnixEpoch: seconds).text, .lastModified) }

    /// The response as the conditions and ranges of a GET or HEAD request want it (RFC 9110, sections 13 and 14).
    ///
    /// Set the fields `ETag` or `Last-Modified` first, or both. A client that has this version already gets 304, one whose conditions do not
    /// hold gets 412. A body in memory is given in parts where the client asks for parts: 206, or 416 where there are none. A response with
    /// another status than 200, and one to another method, stays as it is.
    public func conditional(for request: Request) -> Response {
        guard case .bytes(let bytes) = self.body.content else { return self.conditional(for: request, length: nil) { _, _ in } }
        return self.conditional(for: request, length: bytes.count) { range, writer in try await writer.write(Array(bytes[range])) }
    }

    /// The same for a body of which any part can be written.
    ///
    /// - Parameters:
    ///   - length: The bytes of the whole; `nil` where no part of it can be had.
    ///   - writePart: Writes some of the bytes.
    package func conditional(
        for request: Request,
        length: Int?,
        writePart: @escaping @Sendable (Range<Int>, any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        guard self.status == .ok, request.method == .get || request.method == .head else { return self }
        let tag = self.header(.eTag).flatMap { EntityTag(parsing: $0.utf8) }
        let modified = self.header(.lastModified).flatMap { HTTPDate(parsing: Array($0.utf8)) }
        let conditions = request.preconditions
        switch conditions.evaluate(isReading: true, tag: tag, modified: modified) {
        case .notModified:
            var response = self
            (response.status, response.body) = (.notModified, .empty)
            // What describes a body that is not there (RFC 9110, section 15.4.5).
            for name in [HTTPField.Name.contentType, .contentEncoding, .contentLanguage, .contentDisposition] {
                response.removeHeader(name)
            }
            return response
        case .failed: return Self.failure(.preconditionFailed, like: self)
        case .proceed: break
        }
        guard let length else { return self }
        var response = self
        response.set("bytes", .acceptRanges)
        guard request.method == .get, let field = request.parameters.bytes(of: "HTTP_RANGE"),
            conditions.admitsRange(tag: tag, modified: modified)
        else { return response }
        switch ByteRanges(field, length: length) {
        case .whole: return response
        case .unsatisfiable:
            var failure = Self.failure(.rangeNotSatisfiable, like: self)
            failure.set("bytes */\(length)", .contentRange)
            return failure
        case .some(let ranges):
            response.status = .partialContent
            if ranges.count == 1 {
                response.set("bytes \(ranges[0].lowerBound)-\(ranges[0].upperBound - 1)/\(length)", .contentRange)
                response.body = .stream(length: ranges[0].count) { try await writePart(ranges[0], $0) }
            } else {
                response.setParts(ranges, of: length, writePart)
            }
            return response
        }
    }

    /// Several parts (RFC 9110, section 14.6).
    private mutating func setParts(
        _ ranges: [Range<Int>],
        of length: Int,
        _ writePart: @escaping @Sendable (Range<Int>, any ResponseBodyWriter) async throws -> Void
    ) {
        let boundary =
            "parts-" + Hexadecimal.text((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        let type = self.header(.contentType).map { "Content-Type: \($0)\r\n" } ?? ""
        let heads = ranges.map { range in
            Array("\r\n--\(boundary)\r\n\(type)Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)\r\n\r\n".utf8)
        }
        let end = Array("\r\n--\(boundary)--\r\n".utf8)
        let total = heads.reduce(end.count) { $0 + $1.count } + ranges.reduce(0) { $0 + $1.count }
        self.set("multipart/byteranges; boundary=\(boundary)", .contentType)
        self.body = .stream(length: total) { writer in
            for (head, range) in zip(heads, ranges) {
                try await writer.write(head)
                try await writePart(range, writer)
            }
            try await writer.write(end)
        }
    }

    /// A response without the representation, which keeps its validators.
    private static func failure(_ status: HTTPResponse.Status, like response: Response) -> Response {
        var failure = Response.text("\(status.reasonPhrase)\n", status: status)
        for name in [HTTPField.Name.eTag, .lastModified] { response.header(name).map { failure.set($0, name) } }
        return failure
    }

    /// Sets a field whose value is made here, so that it cannot be refused.
    private mutating func set(_ value: String, _ name: HTTPField.Name) { try? self.setHeader(value, for: name) }

    /// Has the browser save the body as a file instead of showing it (`Content-Disposition`, RFC 6266).
    ///
    /// - Parameter name: The name that is proposed; cleaned as the names of uploaded files are, `file` when nothing of it is left.
    public mutating func setDownload(named name: String) {
        let name = FileName.cleaned(Array(name.utf8)) ?? "file"
        var plain: [UInt8] = []
        var escaped: [UInt8] = []
        for scalar in name.unicodeScalars {
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            // A percent sign is left out of the plain form, as some browsers decode it there (RFC 6266, appendix D).
            let isPlain = scalar.value < 0x7F && scalar.value >= 0x20 && !"\"\\%".utf8.contains(byte)
            plain.append(isPlain ? byte : UInt8(ascii: "_"))
            for byte in UTF8.encode(scalar).map({ Array($0) }) ?? [] {
                if byte.isAttributeByte { escaped.append(byte) } else { PercentEncoding.append(byte, to: &escaped) }
            }
        }
        let isSame = plain.elementsEqual(name.utf8)
        let extended = isSame ? "" : "; filename*=UTF-8''\(String(decoding: escaped, as: UTF8.self))"
        self.set("attachment; filename=\"\(String(decoding: plain, as: UTF8.self))\"\(extended)", .contentDisposition)
    }
}

extension UInt8 {
    /// Whether the byte stands for itself in an extended parameter (RFC 8187, section 3.2.1).
    fileprivate var isAttributeByte: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: "!#$&+-.^_`|~".utf8.contains(self)
        }
    }
}
