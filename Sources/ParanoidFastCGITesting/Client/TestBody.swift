internal import ParanoidHTTP

/// The body of a request of a ``TestClient``.
public struct TestBody: Sendable {
    let contentType: String?
    let bytes: [UInt8]

    private init(_ contentType: String?, _ bytes: [UInt8]) {
        self.contentType = contentType
        self.bytes = bytes
    }

    /// A request without a body.
    public static let empty = TestBody(nil, [])

    /// Bytes of a media type.
    public static func bytes(_ bytes: some Sequence<UInt8>, type: String? = nil) -> TestBody { TestBody(type, Array(bytes)) }

    /// A url-encoded form.
    public static func form(_ fields: [String: String]) -> TestBody {
        let pairs = fields.map { "\(Self.escaped($0.key))=\(Self.escaped($0.value))" }
        return TestBody("application/x-www-form-urlencoded", Array(pairs.sorted().joined(separator: "&").utf8))
    }

    /// A value as JSON.
    ///
    /// - Throws: `EncodingError` when the value cannot be encoded.
    public static func json(_ value: some Encodable) throws -> TestBody { TestBody("application/json", try JSONCoding.encode(value)) }

    /// A `multipart/form-data` body with these parts in their order.
    public static func multipart(_ parts: [Part]) -> TestBody {
        let boundary = "test-boundary-5f1c8a90e2"
        var bytes: [UInt8] = []
        for part in parts { bytes += Array("--\(boundary)\r\n\(part.head)\r\n\r\n".utf8) + part.bytes + Array("\r\n".utf8) }
        return TestBody("multipart/form-data; boundary=\(boundary)", bytes + Array("--\(boundary)--\r\n".utf8))
    }

    /// A part of a multipart body.
    public struct Part: Sendable {
        let head: String
        let bytes: [UInt8]

        /// A text field.
        public static func field(_ name: String, _ value: String) -> Part {
            Part(head: "Content-Disposition: form-data; name=\"\(TestBody.quoted(name))\"", bytes: Array(value.utf8))
        }

        /// A file with the bytes of its content, as an input of type `file` sends it.
        public static func file(
            _ name: String,
            named fileName: String,
            type: String = "application/octet-stream",
            _ bytes: some Sequence<UInt8>
        ) -> Part {
            let disposition = "form-data; name=\"\(TestBody.quoted(name))\"; filename=\"\(TestBody.quoted(fileName))\""
            return Part(head: "Content-Disposition: \(disposition)\r\nContent-Type: \(type)", bytes: Array(bytes))
        }
    }

    /// A name in quotes, escaped as browsers do (WHATWG HTML, section 4.10.21.8).
    private static func quoted(_ name: String) -> String {
        name.reduce(into: "") { text, character in
            switch character {
            case "\"": text += "%22"
            case "\r", "\n", "\r\n": text += character == "\r" ? "%0D" : character == "\n" ? "%0A" : "%0D%0A"
            default: text.append(character)
            }
        }
    }

    /// A text with everything percent-encoded that could mean something in a form.
    private static func escaped(_ text: String) -> String {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                escaped.append(byte)
            default: PercentEncoding.append(byte, to: &escaped)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
