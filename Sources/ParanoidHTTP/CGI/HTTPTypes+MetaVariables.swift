package import HTTPTypes

extension HTTPFields {
    /// Adds the header field that a parameter stands for; does nothing for a parameter that stands for none.
    ///
    /// `HTTP_CONTENT_TYPE` and `HTTP_CONTENT_LENGTH` add nothing beside `CONTENT_TYPE` and `CONTENT_LENGTH`, of which an empty one means
    /// absent and a second one is left out. A value that is not a field value is left out as well; ``MetaVariableReader`` has refused such a
    /// request before.
    package mutating func append(parameter name: RawSpan, value: RawSpan) {
        guard let fieldName = HeaderParameter.field(of: name), !value.containsControlOtherThanTab() else { return }
        if fieldName == .contentType || fieldName == .contentLength, value.isEmpty || self[fieldName] != nil { return }
        self.append(HTTPField(name: fieldName, value: value.copied()))
    }
}

/// The parameters that stand for header fields: `HTTP_ACCEPT` for `Accept` (RFC 3875, section 4.1.18).
package enum HeaderParameter {
    /// Whether a parameter is hidden from the application: a client's `Proxy` field, which programs take for a setting of theirs
    /// (httpoxy, CVE-2016-5385).
    package static func isHidden(_ name: RawSpan) -> Bool { name.equals(literal: "HTTP_PROXY") }

    /// Whether a parameter is hidden from the application, see ``isHidden(_:)``.
    package static func isHidden(_ name: String) -> Bool { unsafe Self.isHidden(name.utf8.span.bytes) }

    /// The name of the parameter that stands for a header field; `nil` for the one that is hidden.
    package static func name(of field: HTTPField.Name) -> String? {
        switch field {
        case .contentType: return "CONTENT_TYPE"
        case .contentLength: return "CONTENT_LENGTH"
        default: break
        }
        var parameter = "HTTP_"
        for byte in field.canonicalName.utf8 {
            switch byte {
            case UInt8(ascii: "-"): parameter.unicodeScalars.append("_")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): parameter.unicodeScalars.append(Unicode.Scalar(byte & 0xDF))
            default: parameter.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return Self.isHidden(parameter) ? nil : parameter
    }

    /// The header field that a parameter stands for; `nil` when it stands for none or is hidden.
    static func field(of name: RawSpan) -> HTTPField.Name? {
        switch MetaVariableName(name) {
        case .contentType: return .contentType
        case .contentLength: return .contentLength
        case .httpContentType, .httpContentLength: return nil
        case .httpHost: return HTTPField.Name("Host")
        case .httpCookie: return .cookie
        case .httpUserAgent: return .userAgent
        default: break
        }
        guard name.starts(with: "HTTP_"), name.byteCount > 5, !Self.isHidden(name) else { return nil }
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

extension MetaVariables {
    /// The method as a value of HTTPTypes.
    package var requestMethod: HTTPRequest.Method {
        // The usual ones need not be checked again.
        switch self.method {
        case "GET": return .get
        case "POST": return .post
        case "HEAD": return .head
        default: break
        }
        guard let method = HTTPRequest.Method(self.method) else { preconditionFailure("the reader lets only tokens through") }
        return method
    }
}

extension HTTPRequest {
    /// The request that the parameters describe, for libraries that speak HTTPTypes.
    ///
    /// - Parameters:
    ///   - variables: The checked parameters.
    ///   - authority: The value of the `Host` field, if any.
    ///   - fields: The header fields, see ``HTTPTypes/HTTPFields``.
    package init(_ variables: MetaVariables, authority: String?, fields: HTTPFields) {
        self.init(
            method: variables.requestMethod,
            scheme: variables.isSecure ? "https" : "http",
            authority: authority,
            path: variables.rawQuery.isEmpty ? variables.rawPath : "\(variables.rawPath)?\(variables.rawQuery)",
            headerFields: fields
        )
    }
}
