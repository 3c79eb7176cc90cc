/// What trusted proxies say of the client's connection, in the field `Forwarded` (RFC 7239) or in `X-Forwarded-Proto`; pure.
package enum ForwardedField {
    /// What one proxy says of the peer that has called it.
    package struct Element: Sendable, Hashable {
        /// The node (`for`), without quotation marks; `nil` when it is not said.
        package var node: [UInt8]?
        /// Whether the connection was encrypted (`proto`); `nil` when it is not said.
        package var isSecure: Bool?
    }

    /// A client can make the list as long as a header field may be.
    private static let maximumElements = 32

    /// The elements in their order; `nil` for a field that is malformed or very long: nothing of it is to be believed.
    package static func elements(of field: [UInt8]) -> [Element]? {
        var reader = Reader(field[...])
        var elements: [Element] = []
        repeat {
            guard elements.count < self.maximumElements, let element = reader.element() else { return nil }
            elements.append(element)
        } while reader.skip(UInt8(ascii: ","))
        return reader.isAtEnd ? elements : nil
    }

    /// Whether every entry of `X-Forwarded-Proto` says that the connection was encrypted: a proxy that was called in the clear makes it false.
    package static func saysSecure(_ field: [UInt8]) -> Bool {
        field.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).allSatisfy { entry in
            var rest = entry
            while let first = rest.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
            while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
            return self.isHTTPS(rest)
        }
    }

    private static func isHTTPS(_ text: ArraySlice<UInt8>) -> Bool {
        text.count == 5 && zip(text, "https".utf8).allSatisfy { $0 | 0x20 == $1 }
    }

    /// Reads from left to right (RFC 7239, section 4).
    private struct Reader {
        private var rest: ArraySlice<UInt8>

        init(_ field: ArraySlice<UInt8>) {
            self.rest = field
        }

        var isAtEnd: Bool { self.rest.isEmpty }

        /// An element: pairs with semicolons between them.
        mutating func element() -> Element? {
            var element = Element()
            var names: Set<[UInt8]> = []
            repeat {
                self.skipBlanks()
                let name = self.token().map { $0 | 0x20 }
                guard !name.isEmpty, self.rest.first == UInt8(ascii: "=") else { return nil }
                self.rest = self.rest.dropFirst()
                // A parameter must not occur twice in an element.
                guard names.insert(name).inserted, let value = self.value() else { return nil }
                if name == Array("for".utf8) { element.node = value }
                if name == Array("proto".utf8) { element.isSecure = ForwardedField.isHTTPS(value[...]) }
                self.skipBlanks()
            } while self.skip(UInt8(ascii: ";"))
            return element
        }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard self.rest.first == byte else { return false }
            self.rest = self.rest.dropFirst()
            return true
        }

        private mutating func skipBlanks() {
            while let first = self.rest.first, first == 0x20 || first == 0x09 { self.rest = self.rest.dropFirst() }
        }

        private mutating func token() -> ArraySlice<UInt8> {
            let token = self.rest.prefix { $0.isTokenByte }
            self.rest = self.rest.dropFirst(token.count)
            return token
        }

        /// A token or a quoted string.
        private mutating func value() -> [UInt8]? {
            guard self.skip(UInt8(ascii: "\"")) else {
                let token = self.token()
                return token.isEmpty ? nil : Array(token)
            }
            var value: [UInt8] = []
            while let byte = self.rest.popFirst() {
                if byte == UInt8(ascii: "\"") { return value }
                guard byte == UInt8(ascii: "\\") else {
                    value.append(byte)
                    continue
                }
                guard let escaped = self.rest.popFirst() else { return nil }
                value.append(escaped)
            }
            return nil
        }
    }
}
