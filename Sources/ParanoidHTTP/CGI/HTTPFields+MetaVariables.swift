package import HTTPTypes

extension HTTPFields {
    /// Adds the header field that a parameter stands for; does nothing for a parameter that stands for none.
    ///
    /// `HTTP_PROXY` is dropped (a request must not be able to choose a proxy for the server), and so are the second copies of type and length.
    /// A value that is not a field value is dropped as well; ``MetaVariableReader`` has refused such a request before.
    package mutating func append(parameter name: RawSpan, value: RawSpan) {
        guard let fieldName = Self.fieldName(name, isEmpty: value.isEmpty), !value.containsControlOtherThanTab() else { return }
        self.append(HTTPField(name: fieldName, value: value.copied()))
    }

    private static func fieldName(_ name: RawSpan, isEmpty: Bool) -> HTTPField.Name? {
        switch MetaVariableName(name) {
        case .contentType: return isEmpty ? nil : .contentType
        case .contentLength: return isEmpty ? nil : .contentLength
        case .httpContentType, .httpContentLength: return nil
        case .httpHost: return HTTPField.Name("Host")
        case .httpCookie: return .cookie
        case .httpUserAgent: return .userAgent
        default: break
        }
        guard name.starts(with: "HTTP_"), name.byteCount > 5, !name.equals("HTTP_PROXY") else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.byteCount - 5)
        var isFirst = true
        for offset in 5..<name.byteCount {
            let byte = name.byte(at: offset)
            if byte == UInt8(ascii: "_") {
                bytes.append(UInt8(ascii: "-"))
            } else if !isFirst, UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte {
                bytes.append(byte | 0x20)
            } else {
                bytes.append(byte)
            }
            isFirst = byte == UInt8(ascii: "_")
        }
        return HTTPField.Name(String(decoding: bytes, as: UTF8.self))
    }
}
