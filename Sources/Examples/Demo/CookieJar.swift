import ParanoidFastCGI

/// The cookies a pretended browser holds.
struct CookieJar: Sendable {
    private(set) var cookies: [(name: String, value: String)] = []

    init() {}

    /// Copies the cookies that a request presents.
    init(copyingFrom request: Request) {
        for cookie in request.cookies {
            self[String(decoding: cookie.name, as: UTF8.self)] = String(decoding: cookie.value, as: UTF8.self)
        }
    }

    /// The value of a cookie; `nil` takes it out.
    subscript(_ name: String) -> String? {
        get { self.cookies.first { $0.name == name }?.value }
        set {
            self.cookies.removeAll { $0.name == name }
            if let newValue { self.cookies.append((name, newValue)) }
        }
    }

    /// The `Cookie` field; `nil` when the jar is empty.
    var field: String? {
        self.cookies.isEmpty ? nil : self.cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    /// Does what a browser does with the cookies of an answer.
    mutating func take(_ cookies: [SetCookie]) {
        for cookie in cookies {
            self[cookie.name] = cookie.maxAge == .zero ? nil : cookie.value
        }
    }
}
