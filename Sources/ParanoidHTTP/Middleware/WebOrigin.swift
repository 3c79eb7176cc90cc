/// The origins of pages: scheme, host and port (RFC 6454).
package enum WebOrigin {
    /// An origin as browsers write it (RFC 6454, section 6.2): in lower case, without the port that its scheme has by default, and without the
    /// slash that people copy along.
    package static func normalised(_ origin: [UInt8]) -> [UInt8] {
        var origin = origin.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        if origin.last == UInt8(ascii: "/") { origin.removeLast() }
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] {
            guard origin.starts(with: scheme.utf8), origin.count > scheme.utf8.count + port.utf8.count else { continue }
            if origin.suffix(port.utf8.count).elementsEqual(port.utf8) { origin.removeLast(port.utf8.count) }
        }
        return origin
    }
}
