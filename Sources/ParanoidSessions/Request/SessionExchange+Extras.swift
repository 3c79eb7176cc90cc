internal import ParanoidHTTP
internal import HTTPTypes
internal import Synchronization

// What a response says beside the session's cookies.
extension SessionExchange {
    /// Adds it; called for requests that have touched their session.
    func addExtras(to response: inout Response, after visit: SessionVisit) throws {
        let extras = self.extras.withLock { $0 }
        if !extras.clearSiteData.isEmpty && self.request.isSecure {
            let values = extras.clearSiteData.map { "\"\($0.rawValue)\"" }.sorted()
            if let name = HTTPField.Name("Clear-Site-Data") { try response.setHeader(values.joined(separator: ", "), for: name) }
        }
        if let key = extras.clientKey { response.setCookie(try self.clientCookie(key)) }
        if let token = extras.token { try self.tell(token, in: &response) }
        // The package of 2009 leaves this to its host.
        guard !self.settings.profile.isCompatible else { return }
        let setsSession = !visit.isGone && !visit.changes.isEmpty
        try Self.keepFromCaches(&response, setsCookie: setsSession || extras.clientKey != nil || extras.token != nil)
    }

    /// Keeps caches from giving one client's answer to another.
    ///
    /// An answer that depends on a session is not stored unless the application says otherwise, and one that sets a session cookie is never
    /// stored by a cache that several clients share.
    static func keepFromCaches(_ response: inout Response, setsCookie: Bool) throws {
        let control = response.headerFields[values: .cacheControl].flatMap { Self.tokens(of: $0) }
        let isSafe = control.contains { $0 == "no-store" || $0 == "private" }
        if control.isEmpty || (setsCookie && !isSafe) { try response.setHeader("no-store", for: .cacheControl) }

        let vary = response.headerFields[values: .vary]
        if !vary.contains(where: { Self.tokens(of: $0).contains { $0 == "cookie" || $0 == "*" } }) {
            try response.setHeader((vary + ["Cookie"]).joined(separator: ", "), for: .vary)
        }
    }

    /// The parts of a list, in lower case; of a directive with an argument (`private="x"`) all of it, as it says less than without.
    private static func tokens(of value: String) -> [String] {
        value.utf8.split(separator: UInt8(ascii: ",")).map { part in
            let bytes = part.filter { $0 != 0x20 && $0 != 0x09 }
            return String(decoding: bytes, as: UTF8.self).lowercased()
        }
    }
}
