package import HTTPTypes

/// The head of a response as a CGI script writes it (RFC 3875, section 6).
///
/// The functions append to a buffer of the caller, so that a small body can follow in the same write. Nothing is ever cleaned up:
/// a control byte is an error, and the buffer is then as it was.
package enum CGIResponseHead {
    /// Appends `Status: 200 OK` and its line end.
    ///
    /// - Throws: ``CGIResponseHeadError/invalidStatus``.
    package static func appendStatus(_ status: HTTPResponse.Status, to buffer: inout [UInt8]) throws(CGIResponseHeadError) {
        guard 200...599 ~= status.code else { throw .invalidStatus }
        let phrase = status.reasonPhrase
        if status.code == 200, phrase == "OK" { return Self.append("Status: 200 OK\r\n", to: &buffer) }
        guard !phrase.containsControl() else { throw .invalidStatus }
        Self.append("Status: ", to: &buffer)
        Decimal.append(status.code, width: 3, to: &buffer)
        buffer.append(UInt8(ascii: " "))  // the grammar wants it even when no phrase follows
        buffer.append(contentsOf: phrase.utf8)
        Self.appendEnd(to: &buffer)
    }

    /// Appends one header field and its line end.
    ///
    /// - Throws: ``CGIResponseHeadError``.
    package static func appendField(_ name: String, _ value: String, to buffer: inout [UInt8]) throws(CGIResponseHeadError) {
        let nameBytes = name.utf8.span
        guard !nameBytes.isEmpty else { throw .invalidName }
        for index in nameBytes.indices where !nameBytes[index].isTokenByte { throw .invalidName }
        if nameBytes.count == 6, Self.isStatus(nameBytes) { throw .reservedName }
        guard !value.containsControlOtherThanTab() else { throw .invalidValue }
        buffer.append(contentsOf: name.utf8)
        Self.append(": ", to: &buffer)
        buffer.append(contentsOf: value.utf8)
        Self.appendEnd(to: &buffer)
    }

    /// Appends a line end: that of a line, and the empty line that ends the head.
    package static func appendEnd(to buffer: inout [UInt8]) {
        Self.append("\r\n", to: &buffer)
    }

    /// Appends a text of the program; its bytes are copied without a look at what they say.
    @inline(__always)
    static func append(_ text: StaticString, to buffer: inout [UInt8]) {
        unsafe buffer.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a whole head.
    ///
    /// - Throws: ``CGIResponseHeadError``; the buffer is then as it was.
    package static func encode(_ status: HTTPResponse.Status, fields: HTTPFields, into buffer: inout [UInt8]) throws(CGIResponseHeadError) {
        let start = buffer.count
        do throws(CGIResponseHeadError) {
            try Self.appendStatus(status, to: &buffer)
            for field in fields { try Self.appendField(field.name.rawName, field.value, to: &buffer) }
            Self.appendEnd(to: &buffer)
        } catch {
            buffer.removeSubrange(start...)
            throw error
        }
    }

    private static func isStatus(_ name: Span<UInt8>) -> Bool {
        let status: StaticString = "status"
        let start = unsafe status.utf8Start
        for index in name.indices where unsafe name[index] | 0x20 != start[index] { return false }
        return true
    }
}

/// The defect of a head that cannot be sent; the client gets a plain 500.
package struct CGIResponseHeadError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case status = "a status outside 200...599 or with a control byte"
        case name = "a field name that is not a token"
        case value = "a field value with a control byte"
        case reserved = "a field that would change the meaning of the head"
    }

    private let kind: Kind

    /// A status that cannot end a request, or a reason phrase with control bytes.
    package static let invalidStatus = Self(kind: .status)
    /// A field name that is not a token.
    package static let invalidName = Self(kind: .name)
    /// A field value with a control byte other than HTAB.
    package static let invalidValue = Self(kind: .value)
    /// A field called `Status`, which the web server would take for the status (RFC 3875, section 6.3.3).
    package static let reservedName = Self(kind: .reserved)

    /// The reason in words, without the offending value.
    package var description: String { "the response head has \(self.kind.rawValue)" }
}
