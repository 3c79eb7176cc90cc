/// Whose request it is, when trusted proxies stand between the client and the web server.
package enum ClientAddress {
    /// How many entries of the list are looked at; a client can make it as long as a header field may be.
    private static let maximumEntries = 32

    /// Finds the client's address.
    ///
    /// Every proxy appends the address it was called from, so the list is read from right to left for as long as the speaker is a trusted
    /// proxy. Whatever stands further left is the client's own invention. An entry that is no address ends the walk.
    ///
    /// - Parameters:
    ///   - remoteAddress: The peer of the web server (`REMOTE_ADDR`).
    ///   - forwardedFor: The value of `X-Forwarded-For`; `nil` when absent.
    ///   - trustedProxies: Addresses whose word is taken; empty means that the list is ignored.
    /// - Returns: The text of the address; `remoteAddress` itself when no proxy is to be believed.
    package static func resolve(
        remoteAddress: String,
        forwardedFor: [UInt8]?,
        trustedProxies: [NetworkPrefix]
    ) -> String {
        guard !trustedProxies.isEmpty, let forwardedFor, let peer = NetworkAddress(remoteAddress) else { return remoteAddress }
        var speaker = peer
        var client = remoteAddress
        var end = forwardedFor.endIndex
        for _ in 0..<self.maximumEntries {
            guard trustedProxies.contains(where: { $0.contains(speaker) }), end >= 0 else { break }
            let comma = forwardedFor[..<end].lastIndex(of: UInt8(ascii: ","))
            let entry = forwardedFor[(comma.map { $0 + 1 } ?? 0)..<end]
            guard let text = self.address(in: entry), let address = NetworkAddress(text) else { break }
            speaker = address
            client = text
            end = comma ?? -1
        }
        return client
    }

    /// Finds the client's address and what is said of its connection, with the field `Forwarded` (RFC 7239) in the place of `X-Forwarded-For`.
    ///
    /// - Parameter forwarded: The value of `Forwarded`; `nil` when absent. Nothing of a malformed one is believed.
    /// - Returns: The address, and whether the proxy that was called by it says that the connection was encrypted (`nil`: it does not say).
    package static func resolve(
        remoteAddress: String,
        forwarded: [UInt8]?,
        trustedProxies: [NetworkPrefix]
    ) -> (address: String, isSecure: Bool?) {
        guard !trustedProxies.isEmpty, let forwarded, let peer = NetworkAddress(remoteAddress),
            let elements = ForwardedField.elements(of: forwarded)
        else { return (remoteAddress, nil) }
        var speaker = peer
        var client: (address: String, isSecure: Bool?) = (remoteAddress, nil)
        for element in elements.reversed() {
            guard trustedProxies.contains(where: { $0.contains(speaker) }) else { break }
            guard let node = element.node, let text = self.address(in: node[...]), let address = NetworkAddress(text) else { break }
            speaker = address
            client = (text, element.isSecure)
        }
        return client
    }

    /// The address of an entry, without the port and the brackets that some proxies add.
    private static func address(in entry: ArraySlice<UInt8>) -> String? {
        var rest = entry
        // Only SP and HTAB: a no-break space is not white space here.
        while let first = rest.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        guard let first = rest.first, rest.count <= 64 else { return nil }
        if first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")), self.isPort(rest[(close + 1)...]) else { return nil }
            rest = rest[(rest.startIndex + 1)..<close]
        } else if let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest[..<colon].contains(UInt8(ascii: ".")) {
            guard self.isPort(rest[colon...]) else { return nil }
            rest = rest[..<colon]
        }
        return String(validating: rest, as: UTF8.self)
    }

    private static func isPort(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first else { return true }
        let digits = rest.dropFirst()
        return first == UInt8(ascii: ":") && 1...5 ~= digits.count
            && Decimal.number(digits) != nil
    }
}
