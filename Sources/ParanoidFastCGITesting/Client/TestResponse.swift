public import ParanoidFastCGI
internal import ParanoidHTTP
internal import Synchronization

/// The response to a request of a ``TestClient``, with its whole body.
public struct TestResponse: Sendable {
    /// The bytes of the body, a stream's included.
    public let body: [UInt8]
    package let response: Response
    let request: (method: HTTPRequest.Method, path: String, body: TestBody)

    init(_ response: Response, to request: (method: HTTPRequest.Method, path: String, body: TestBody)) async throws {
        let collected = CollectedBody()
        try await response.body.write(to: collected)
        self.body = collected.bytes
        self.response = response
        self.request = request
    }

    /// The status code, such as 200.
    public var status: Int { self.response.status.code }

    /// The body as UTF-8 text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The first value of a header field; `nil` when there is none.
    public func header(_ name: HTTPField.Name) -> String? { self.response.header(name) }

    /// The value that the body is the JSON of.
    ///
    /// - Throws: An error that names the field when the body has another form.
    public func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONCoding.decode(type, from: self.body)
    }

    /// The first CSRF token of the page; empty when there is none.
    ///
    /// It is the `value` or the `content` of the element that has the name `csrf_token`.
    ///
    /// ```swift
    /// let page = try await client.get("/note")
    /// _ = try await client.post("/note", form: ["csrf_token": page.csrfToken, "text": "tea"])
    /// ```
    public var csrfToken: String {
        let text = self.text
        for element in text.split(separator: "<") {
            let element = element.prefix { $0 != ">" }
            guard element.contains("\"csrf_token\"") else { continue }
            for attribute in ["value=\"", "content=\""] {
                guard let begin = element.firstRange(of: attribute) else { continue }
                return String(element[begin.upperBound...].prefix { $0 != "\"" })
            }
        }
        return ""
    }
}

/// Keeps the body of a response instead of sending it.
private final class CollectedBody: ResponseBodyWriter {
    private let collected = Mutex<[UInt8]>([])

    var bytes: [UInt8] { self.collected.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        self.collected.withLock { $0 += bytes }
    }

    func flush() async throws {}
}
