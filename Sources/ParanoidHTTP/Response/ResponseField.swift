internal import HTTPTypes

/// A header field that has been checked.
struct ResponseField: Sendable {
    let name: HTTPField.Name
    let value: String

    static let plainText = [ResponseField(name: .contentType, value: "text/plain; charset=utf-8")]
    static let html = [ResponseField(name: .contentType, value: "text/html; charset=utf-8")]
    static let json = [ResponseField(name: .contentType, value: "application/json")]

    init(name: HTTPField.Name, value: String) {
        self.name = name
        self.value = value
    }

    init(checking name: HTTPField.Name, value: String) throws(ResponseError) {
        guard !Self.reserved.contains(name.canonicalName), name.rawName.utf8.first != UInt8(ascii: ":") else {
            throw ResponseError(.reservedField, field: name.canonicalName)
        }
        let bytes = value.utf8.span
        for index in bytes.indices where bytes[index].isFieldControl {
            throw ResponseError(.invalidField, field: name.canonicalName)
        }
        self.name = name
        self.value = value
    }

    // Status and the framing belong to the server, cookies to SetCookie.
    private static let reserved: Set<String> = [
        "connection", "content-length", "keep-alive", "set-cookie", "set-cookie2", "status", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]
}
