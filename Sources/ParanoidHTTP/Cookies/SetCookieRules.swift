/// What browsers demand of a cookie.
package enum SetCookieRules {
    private static let maximumPairLength = 4096
    private static let maximumAttributeLength = 1024

    static func check(_ cookie: SetCookie) throws(CookieError) {
        guard !cookie.name.utf8.isEmpty, cookie.name.utf8.allSatisfy({ $0.isTokenByte }) else { throw .invalidName }
        guard self.isValue(cookie.value) else { throw .invalidValue }
        guard cookie.name.utf8.count + cookie.value.utf8.count <= self.maximumPairLength else { throw .tooLarge }
        if let path = cookie.path { try self.check(path: path) }
        if let domain = cookie.domain { try self.check(domain: domain) }
        if let age = cookie.maxAge, age > SetCookie.maximumAge { throw .livesTooLong }
        if cookie.sameSite == SetCookie.SameSite.none, !cookie.secure { throw .needsSecure }
        try self.checkPrefix(cookie)
    }

    // Browsers look at prefixes without regard to case, so the rules hold for every spelling.
    private static func checkPrefix(_ cookie: SetCookie) throws(CookieError) {
        let isHost = self.starts(cookie.name, with: "__host-")
        let isHTTP = self.starts(cookie.name, with: "__http-") || self.starts(cookie.name, with: "__host-http-")
        if isHost || isHTTP || self.starts(cookie.name, with: "__secure-"), !cookie.secure { throw .needsSecure }
        if isHost, cookie.domain != nil || cookie.path != "/" { throw .needsHostOnly }
        if isHTTP, !cookie.httpOnly { throw .needsHTTPOnly }
    }

    /// Whether a name begins with a prefix, as browsers see it.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - prefix: The prefix in lower case.
    package static func starts(_ name: String, with prefix: String) -> Bool {
        name.utf8.count >= prefix.utf8.count
            && zip(name.utf8, prefix.utf8).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 }
    }

    private static func isValue(_ value: String) -> Bool {
        var bytes = Array(value.utf8)[...]
        if bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 { bytes = bytes.dropFirst().dropLast() }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
            default: false
            }
        }
    }

    private static func check(path: String) throws(CookieError) {
        guard path.utf8.count <= self.maximumAttributeLength else { throw .tooLarge }
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ 0x20...0x7E ~= $0 && $0 != UInt8(ascii: ";") }) else {
            throw .invalidPath
        }
    }

    private static func check(domain: String) throws(CookieError) {
        guard domain.utf8.count <= 253 else { throw .tooLarge }
        for label in domain.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let isLabel = 1...63 ~= label.count && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
            guard isLabel, label.allSatisfy({ self.isLabelByte($0) }) else { throw .invalidDomain }
        }
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
