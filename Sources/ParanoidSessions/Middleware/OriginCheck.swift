internal import ParanoidHTTP

/// Whether a request comes from our own pages, as far as the browser says.
///
/// `Sec-Fetch-Site` and `Origin` are the browser's own words: pages can neither set nor change them. Clients that send neither are no
/// browsers of this decade; for them the token alone counts.
struct OriginCheck: Sendable {
    private let trustedOrigins: Set<[UInt8]>

    init(trustedOrigins: [String]) {
        self.trustedOrigins = Set(trustedOrigins.map { Self.normalised(Array($0.utf8)) })
    }

    func admits(_ request: Request) -> Bool {
        let origin = request.parameters.bytes(of: "HTTP_ORIGIN").map(Self.normalised)
        if let origin, self.trustedOrigins.contains(origin) { return true }
        // Before the origin: a proxy may have changed the host that the origin would be compared with.
        switch request.parameters.bytes(of: "HTTP_SEC_FETCH_SITE").map({ String(decoding: $0, as: UTF8.self) }) {
        case "same-origin"?, "none"?: return true
        case _?: return false
        case nil: break
        }
        guard let origin else { return true }
        guard let host = request.parameters.bytes(of: "HTTP_HOST"), !host.isEmpty else { return false }
        let scheme = Array((request.isSecure ? "https://" : "http://").utf8)
        return origin == Self.normalised(scheme + host)
    }

    /// An origin in lower case and without the port that its scheme has by default.
    private static func normalised(_ origin: [UInt8]) -> [UInt8] {
        var origin = origin.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] {
            guard origin.starts(with: scheme.utf8), origin.count > scheme.utf8.count + port.utf8.count else { continue }
            if origin.suffix(port.utf8.count).elementsEqual(port.utf8) { origin.removeLast(port.utf8.count) }
        }
        return origin
    }
}
