internal import ParanoidFastCGI
internal import ParanoidHTTP

/// Cookies as a browser keeps and sends them (RFC 6265bis, sections 5.7 and 5.8), without a list of public suffixes.
struct CookieJar: Sendable {
    /// Where a request goes.
    struct Destination: Sendable {
        /// The host in lower case, without its port.
        let host: String
        let path: String
        let isSecure: Bool

        init(host: String, path: String, isSecure: Bool) {
            self.host = host.split(separator: ":", omittingEmptySubsequences: false).first?.lowercased() ?? ""
            self.path = String(path.prefix { $0 != "?" })
            self.isSecure = isSecure
        }

        /// The path of cookies that name none (RFC 6265bis, section 5.1.4).
        var defaultPath: String {
            guard let slash = self.path.lastIndex(of: "/"), slash > self.path.startIndex else { return "/" }
            return String(self.path[..<slash])
        }
    }

    private enum Scope: Sendable, Equatable {
        case host(String)
        case domain(String)

        func includes(_ host: String) -> Bool {
            switch self {
            case .host(let own): own == host
            case .domain(let domain): host == domain || host.hasSuffix(".\(domain)")
            }
        }
    }

    private struct Kept: Sendable {
        let name: String
        var value: String
        let scope: Scope
        let path: String
        let isSecure: Bool
        let sameSite: SetCookie.SameSite?
        /// `nil`: until the browser is closed.
        var end: Timestamp?

        func isLive(at now: Timestamp) -> Bool { self.end.map { now < $0 } ?? true }

        func covers(_ path: String) -> Bool {
            path == self.path || path.hasPrefix(self.path.hasSuffix("/") ? self.path : self.path + "/")
        }
    }

    /// How far the holder of a jar keeps the rules.
    enum Holder: Sendable {
        case browser
        /// Sends and takes every cookie.
        case thief
    }

    private var holder = Holder.browser
    private var kept: [Kept] = []

    /// The values by name; of several with one name, the one with the longest path.
    func values(at now: Timestamp) -> [String: String] {
        let live = self.kept.filter { $0.isLive(at: now) }.sorted { $0.path.utf8.count < $1.path.utf8.count }
        return Dictionary(live.map { ($0.name, $0.value) }) { $1 }
    }

    /// Leaves the jar to a thief, who keeps what is in it for ever.
    mutating func becomeThief(at now: Timestamp) {
        self.holder = .thief
        self.kept.removeAll { !$0.isLive(at: now) }
        for index in self.kept.indices { self.kept[index].end = nil }
    }

    /// Makes these all values there are: those that stay keep their attributes.
    mutating func replace(with values: [String: String], at now: Timestamp, host: String) {
        let before = self.values(at: now)
        self.kept.removeAll { !$0.isLive(at: now) || values[$0.name] == nil }
        for index in self.kept.indices where before[self.kept[index].name] != values[self.kept[index].name] {
            self.kept[index].value = values[self.kept[index].name] ?? ""
        }
        let scope = Scope.host(Destination(host: host, path: "/", isSecure: true).host)
        for (name, value) in values where before[name] == nil {
            self.kept.append(Kept(name: name, value: value, scope: scope, path: "/", isSecure: false, sameSite: .lax, end: nil))
        }
    }

    /// The `Cookie` field of a request; `nil` when there is none.
    func field(to destination: Destination, method: HTTPRequest.Method, site: RequestingSite, at now: Timestamp) -> String? {
        let sent = self.kept.filter { cookie in
            if self.holder == .thief { return true }
            return cookie.isLive(at: now) && cookie.scope.includes(destination.host) && cookie.covers(destination.path)
                && (destination.isSecure || !cookie.isSecure) && site.sends(cookie.sameSite, with: method)
        }
        if sent.isEmpty { return nil }
        // Longer paths first; names, as tests want one order.
        let ordered = sent.sorted { ($1.path.utf8.count, $0.name) < ($0.path.utf8.count, $1.name) }
        return ordered.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    /// Takes a cookie of a response, unless a browser would not.
    mutating func take(_ cookie: SetCookie, from destination: Destination, at now: Timestamp) {
        if self.holder == .browser, cookie.secure && !destination.isSecure { return }
        var scope = Scope.host(destination.host)
        if let domain = cookie.domain?.lowercased() {
            scope = .domain(domain)
            guard self.holder == .thief || scope.includes(destination.host) else { return }
        }
        let path = cookie.path ?? destination.defaultPath
        // What came over HTTPS stays as it is over plain HTTP (section 5.7, step 14).
        let isKept = self.kept.contains { $0.isSecure && $0.name == cookie.name && $0.covers(path) && $0.isLive(at: now) }
        if self.holder == .browser, !destination.isSecure, isKept { return }
        self.kept.removeAll { $0.name == cookie.name && $0.scope == scope && $0.path == path }
        var end: Timestamp?
        if let age = cookie.maxAge {
            end = now.advanced(by: age)
        } else if let expires = cookie.expires {
            end = Timestamp(secondsSinceEpoch: expires.secondsSinceUnixEpoch)
        }
        let isDeletion = end.map { $0 <= now } ?? false
        let kept = Kept(
            name: cookie.name,
            value: cookie.value,
            scope: scope,
            path: path,
            isSecure: cookie.secure,
            sameSite: cookie.sameSite,
            end: self.holder == .thief ? nil : end
        )
        if !isDeletion { self.kept.append(kept) }
    }
}

/// Where the page is from that makes a browser send a request, in the words of `Sec-Fetch-Site`.
enum RequestingSite: String, Sendable {
    case user = "none"
    case sameOrigin = "same-origin"
    case sameSite = "same-site"
    case crossSite = "cross-site"

    /// - Parameters:
    ///   - origin: The origin of the page; `nil`: the user sends the request.
    ///   - host: The host of the request, with its port if it has another one than the scheme's.
    ///   - isSecure: Whether the request goes over HTTPS.
    init(of origin: String?, to host: String, isSecure: Bool) {
        let scheme = isSecure ? "https://" : "http://"
        guard let origin = origin?.lowercased() else {
            self = .user
            return
        }
        if origin == scheme + host.lowercased() {
            self = .sameOrigin
        } else if origin.hasPrefix(scheme), Self.site(of: String(origin.dropFirst(scheme.count))) == Self.site(of: host.lowercased()) {
            self = .sameSite
        } else {
            self = .crossSite
        }
    }

    /// Whether a cookie goes with a request that a link or a form of the page sends.
    func sends(_ sameSite: SetCookie.SameSite?, with method: HTTPRequest.Method) -> Bool {
        if self != .crossSite { return true }
        // Browsers take a cookie without the attribute for a lax one.
        switch sameSite ?? .lax {
        case .strict: return false
        case .lax: return method == .get || method == .head
        case .none: return true
        }
    }

    /// The last two labels, as `example.com` of `shop.example.com`: enough for hosts of tests.
    private static func site(of host: String) -> [Substring] {
        Array((host.split(separator: ":").first ?? "").split(separator: ".").suffix(2))
    }
}
