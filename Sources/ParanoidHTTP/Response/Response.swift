public import HTTPTypes

/// One HTTP response: status, header fields, cookies and body.
///
/// Every name and value of the head is checked byte by byte when it is set; a control byte is an error and is never replaced or removed.
public struct Response: Sendable, ResponseConvertible {
    /// The status, 200 to 599; with any other the client gets a plain 500.
    public var status: HTTPResponse.Status
    /// The body; a response with status 204 or 304 has none (RFC 9110, section 6.4.1).
    public var body: ResponseBody
    /// The cookies that the response sets, at most one per name.
    package private(set) var cookies: [SetCookie] = []
    fileprivate private(set) var fields: [ResponseField] = []
    private var problem: ResponseError?
    /// Whether each cookie is repeated in a field `X-Set-Cookie-1`, `X-Set-Cookie-2` and so on: nginx hands on only the first `Set-Cookie` of a subrequest.
    package var repeatsCookies = false

    /// Creates a response without header fields.
    public init(status: HTTPResponse.Status = .ok, body: ResponseBody = .empty) {
        self.status = status
        self.body = body
    }

    private init(status: HTTPResponse.Status, body: ResponseBody, fields: [ResponseField]) {
        self.status = status
        self.body = body
        self.fields = fields
    }

    /// The response, unchanged.
    public func makeResponse() -> Response { self }

    // MARK: Common responses

    /// A text as `text/plain; charset=utf-8`.
    public static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, body: .bytes(Array(text.utf8)), fields: ResponseField.plainText)
    }

    /// A page as `text/html; charset=utf-8`.
    public static func html(_ page: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, body: .bytes(Array(page.utf8)), fields: ResponseField.html)
    }

    /// A value as `application/json`, its keys in order and its dates in ISO 8601 form.
    ///
    /// - Throws: `EncodingError` when the value cannot be encoded.
    public static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(status: status, body: .bytes(try JSONCoding.encode(value)), fields: ResponseField.json)
    }

    /// A redirection (RFC 9110, section 15.4).
    ///
    /// - Parameters:
    ///   - location: The address, in printable ASCII; with other bytes in it the client gets a plain 500.
    ///   - status: By default 303 See Other: the client asks for the address with GET.
    public static func redirect(to location: String, status: HTTPResponse.Status = .seeOther) -> Response {
        var response = Response(status: status)
        if location.utf8.isEmpty || location.utf8.contains(where: { !(0x21...0x7E ~= $0) }) {
            response.problem = ResponseError(.invalidLocation, field: "Location")
        } else {
            response.fields.append(ResponseField(name: .location, value: location))
        }
        return response
    }

    /// A response without a body, by default 204 No Content.
    package static func empty(_ status: HTTPResponse.Status = .noContent) -> Response {
        Response(status: status)
    }

    // MARK: Header fields

    /// Sets a header field in the place of all fields of that name.
    ///
    /// - Throws: An error when the value holds a control byte other than HTAB, for an `ETag` without its double quotes, and for fields
    ///   that the server writes itself: `Content-Length`, `Connection`, `Transfer-Encoding`, `Status`, `Set-Cookie` and the like.
    public mutating func setHeader(_ value: String, for name: HTTPField.Name) throws {
        let field = try ResponseField(checking: name, value: value)
        // With room for what the session may add.
        if self.fields.isEmpty { self.fields.reserveCapacity(4) } else { self.fields.removeAll { $0.name == name } }
        self.fields.append(field)
    }

    /// Adds a header field beside those of the same name.
    ///
    /// - Throws: An error when the value holds a control byte other than HTAB, and for fields that the server writes itself: `Content-Length`,
    ///   `Connection`, `Transfer-Encoding`, `Status`, `Set-Cookie` and the like.
    public mutating func addHeader(_ value: String, for name: HTTPField.Name) throws {
        self.fields.append(try ResponseField(checking: name, value: value))
    }

    /// Removes all header fields of a name.
    package mutating func removeHeader(_ name: HTTPField.Name) {
        self.fields.removeAll { $0.name == name }
    }

    /// Whether fields were set that are not among the few which many responses share: `Content-Type`, `Cache-Control` and `Vary`.
    package var hasOwnFields: Bool { self.fields.contains { $0.line == nil } }

    /// Whether a field of this name may be there although ``hasOwnFields`` does not say so.
    package static func isShared(_ name: HTTPField.Name) -> Bool {
        name == .contentType || name == .cacheControl || name == .vary
    }

    /// A bit for the length of a field's name.
    package static func lengthBit(of name: HTTPField.Name) -> UInt64 { 1 << UInt64(name.canonicalName.utf8.count % 64) }

    /// Whether any field has a name of one of these lengths, see ``lengthBit(of:)``.
    package func hasFields(ofLengths lengths: UInt64) -> Bool {
        self.fields.contains { Self.lengthBit(of: $0.name) & lengths != 0 }
    }

    /// The first value of a header field; `nil` when it is not set.
    public func header(_ name: HTTPField.Name) -> String? {
        self.fields.first { $0.name == name }?.value
    }

    /// Keeps caches from giving one client's answer to another.
    ///
    /// An answer that depends on a session is not stored unless the application says otherwise, and one that sets a session cookie is never
    /// stored by a cache that several clients share.
    ///
    /// - Parameter setsCookie: Whether the response sets a cookie that tells clients apart.
    package mutating func keepFromCaches(setsCookie: Bool) {
        var hasControl = false
        var isSafe = false
        var vary: [String] = []
        var variesByCookie = false
        for field in self.fields {
            if field.name == .cacheControl {
                let directives = field.listTokens
                hasControl = hasControl || !directives.isEmpty
                isSafe = isSafe || directives.contains { $0 == "no-store" || $0 == "private" }
            } else if field.name == .vary {
                variesByCookie = variesByCookie || field.listTokens.contains { $0 == "cookie" || $0 == "*" }
                vary.append(field.value)
            }
        }
        let storesNothing = !hasControl || (setsCookie && !isSafe)
        if storesNothing && hasControl { self.removeHeader(.cacheControl) }
        if !variesByCookie && !vary.isEmpty { self.removeHeader(.vary) }
        if storesNothing || !variesByCookie { self.fields.reserveCapacity(self.fields.count + 2) }
        if storesNothing { self.fields.append(.noStore) }
        // The parts are values that were checked when they were set.
        if !variesByCookie {
            self.fields.append(
                vary.isEmpty ? .varyByCookie : ResponseField(name: .vary, value: (vary + ["Cookie"]).joined(separator: ", "))
            )
        }
    }

    /// A copy of the header fields, without cookies and without `Content-Length`.
    package var headerFields: HTTPFields {
        var fields = HTTPFields()
        for field in self.fields { fields.append(HTTPField(name: field.name, value: field.value)) }
        return fields
    }

    /// Sets a cookie in the place of one of the same name, compared byte by byte.
    public mutating func setCookie(_ cookie: SetCookie) {
        self.removeCookie(named: cookie.name)
        self.cookies.append(cookie)
    }

    /// Removes a cookie from those that the response sets; the client keeps the cookie it has, see ``SetCookie/deleting(_:path:domain:secure:httpOnly:sameSite:)``.
    package mutating func removeCookie(named name: String) {
        self.cookies.removeAll { $0.name.utf8.elementsEqual(name.utf8) }
    }

    // MARK: Sending

    /// Checks what could not be checked when it was set.
    ///
    /// - Throws: ``ResponseError`` for a bad status, redirection, or a body where none may be.
    package func validate() throws(ResponseError) {
        if let problem { throw problem }
        guard 200...599 ~= self.status.code else { throw ResponseError(.invalidStatus) }
        if self.forbidsBody, !self.body.isEmpty { throw ResponseError(.bodyNotAllowed) }
    }

    /// Drops the body and keeps its length, as the response to HEAD wants it (RFC 9110, section 9.3.2).
    package mutating func omitBody() {
        self.body = self.body.omitted()
    }

    /// Gives every line of the head, cookies and `Content-Length` included, in the order in which they are to be sent.
    ///
    /// - Parameters:
    ///   - now: The time of the response, for the expiry of cookies.
    ///   - body: Takes a name and a value.
    package func forEachField<Failure: Error>(
        now: HTTPDate,
        _ body: (_ name: String, _ value: String) throws(Failure) -> Void
    ) throws(Failure) {
        for field in self.fields { try body(field.name.rawName, field.value) }
        if !self.forbidsBody, let length = self.body.length { try body("Content-Length", String(length)) }
        for cookie in self.cookies { try body("Set-Cookie", cookie.fieldValue(now: now)) }
        if self.repeatsCookies { try self.forEachRepeatedCookie(now: now, body) }
    }

    @inline(never)
    fileprivate func forEachRepeatedCookie<Failure: Error>(
        now: HTTPDate,
        _ body: (_ name: String, _ value: String) throws(Failure) -> Void
    ) throws(Failure) {
        for (index, cookie) in self.cookies.enumerated() { try body("X-Set-Cookie-\(index + 1)", cookie.fieldValue(now: now)) }
    }

    /// The answer of a FastCGI authorizer that lets a request pass (FastCGI specification, section 6.3): 200, and what the web server is to know in
    /// fields `Variable-…`, as it hands on no others.
    package func authorizerAnswer(now: HTTPDate) -> Response {
        guard 200...299 ~= self.status.code else { return self }
        var answer = Response()
        for field in self.fields {
            guard let text = Self.variable(of: field.name), let name = HTTPField.Name(text) else { continue }
            try? answer.addHeader(field.value, for: name)
        }
        for (index, cookie) in self.cookies.enumerated() {
            if let name = HTTPField.Name("Variable-SET_COOKIE_\(index + 1)") {
                try? answer.addHeader(cookie.fieldValue(now: now), for: name)
            }
        }
        return answer
    }

    /// `Variable-PARANOID_USER` for `X-Paranoid-User`; `nil` for fields that are none of the gate's.
    private static func variable(of name: HTTPField.Name) -> String? {
        guard name.canonicalName.utf8.starts(with: "x-paranoid-".utf8) else { return nil }
        let bytes = name.canonicalName.utf8.dropFirst(2).map { byte in
            byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & 0xDF : byte
        }
        return "Variable-" + String(decoding: bytes, as: UTF8.self)
    }

    fileprivate var forbidsBody: Bool { self.status.code == 204 || self.status.code == 304 }
}

extension CGIResponseHead {
    /// Appends the lines that ``Response/forEachField(now:_:)`` gives.
    ///
    /// - Throws: ``CGIResponseHeadError``; the buffer then ends anywhere.
    package static func appendFields(of response: Response, now: HTTPDate, to buffer: inout [UInt8]) throws(CGIResponseHeadError) {
        for field in response.fields {
            if let line = field.line { buffer += line } else { try Self.appendField(field.name.rawName, field.value, to: &buffer) }
        }
        if !response.forbidsBody, let length = response.body.length {
            Self.append("Content-Length: ", to: &buffer)
            Decimal.append(length, to: &buffer)
            Self.appendEnd(to: &buffer)
        }
        for cookie in response.cookies { try Self.appendField("Set-Cookie", cookie.fieldValue(now: now), to: &buffer) }
        if response.repeatsCookies {
            try response.forEachRepeatedCookie(now: now) { (name, value) throws(CGIResponseHeadError) in
                try Self.appendField(name, value, to: &buffer)
            }
        }
    }
}

/// A header field that has been checked.
struct ResponseField: Sendable {
    let name: HTTPField.Name
    let value: String
    /// The whole line with its end, for fields that many responses share.
    let line: [UInt8]?

    static let noStore = ResponseField(shared: .cacheControl, "no-store")
    static let varyByCookie = ResponseField(shared: .vary, "Cookie")
    static let plainText = [ResponseField(shared: .contentType, "text/plain; charset=utf-8")]
    static let html = [ResponseField(shared: .contentType, "text/html; charset=utf-8")]
    static let json = [ResponseField(shared: .contentType, "application/json")]

    init(name: HTTPField.Name, value: String) {
        self.name = name
        self.value = value
        self.line = nil
    }

    private init(shared name: HTTPField.Name, _ value: String) {
        self.name = name
        self.value = value
        self.line = Array("\(name.rawName): \(value)\r\n".utf8)
    }

    init(checking name: HTTPField.Name, value: String) throws(ResponseError) {
        guard !Self.reserved.contains(name.canonicalName), name.rawName.utf8.first != UInt8(ascii: ":") else {
            throw ResponseError(.reservedField, field: name.canonicalName)
        }
        let bytes = value.utf8.span
        for index in bytes.indices where bytes[index].isFieldControl {
            throw ResponseError(.invalidField, field: name.canonicalName)
        }
        if name == .eTag, EntityTag(parsing: value.utf8) == nil {
            throw ResponseError(.invalidEntityTag, field: name.canonicalName)
        }
        self.name = name
        self.value = value
        self.line = nil
    }

    /// The parts of a list, in lower case; of a directive with an argument (`private="x"`) all of it, as it says less than without.
    var listTokens: [String] {
        self.value.utf8.split(separator: UInt8(ascii: ",")).map { part in
            let bytes = part.filter { $0 != 0x20 && $0 != 0x09 }
            return String(decoding: bytes, as: UTF8.self).lowercased()
        }
    }

    // Status and the framing belong to the server, cookies to SetCookie.
    private static let reserved: Set<String> = [
        "connection", "content-length", "keep-alive", "set-cookie", "set-cookie2", "status", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]
}

/// A type that a handler may return, or throw when it is an error.
public protocol ResponseConvertible: SendableMetatype {
    /// The response that is sent.
    ///
    /// - Throws: An error when there is none to send; the client gets a plain 500.
    func makeResponse() throws -> Response
}

extension String: ResponseConvertible {
    /// The text as `text/plain; charset=utf-8`.
    public func makeResponse() -> Response { .text(self) }
}
