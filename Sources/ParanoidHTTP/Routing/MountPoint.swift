internal import HTTPTypes

/// The path of a host below which an application runs (pure).
///
/// The web server passes the path as the client sent it; routes, `Location` fields and cookies of the application do not know the mount point.
package struct MountPoint: Sendable, Hashable {
    /// The path, without a slash at its end; empty for an application that has the host for itself.
    package let path: String

    /// The root of the host.
    package static let root = MountPoint(checked: "")

    private init(checked path: String) {
        self.path = path
    }

    /// Reads a path such as `/two`: one or more segments of letters, digits, `-` and `_`, so that it has one spelling and can be a part of a
    /// cookie's name; `nil` for another one.
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        for segment in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !segment.isEmpty, segment.allSatisfy(Self.isAllowed) else { return nil }
        }
        self.path = text
    }

    /// Whether this is the root of the host.
    package var isRoot: Bool { self.path.isEmpty }

    /// The end of the names of the application's cookies: `.two` for `/two`.
    ///
    /// No two mount points share one, and none looks like the number of a login, which stands behind a hyphen.
    package var cookieSuffix: String {
        let bytes = self.path.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "/"): UInt8(ascii: ".")
            case UInt8(ascii: "-"): UInt8(ascii: "~")
            default: byte
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The part of a raw path that lies below, read as the router reads it; `nil` when the path lies elsewhere.
    package func rest(of rawPath: String) -> String? {
        guard let end = RequestPath.end(of: self.path.utf8, in: rawPath, isWhole: true) else { return nil }
        let rest = rawPath.utf8.dropFirst(end)
        return rest.isEmpty ? "/" : String(rest)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Request {
    /// The address of a path of this application, for links, forms and cookie paths in its pages: `/account` is `/two/account` for an
    /// application that `PARANOID_MOUNT` puts below `/two`.
    ///
    /// Routes, ``path`` and `Response.redirect(to:)` have paths without the mount point.
    public func link(to path: String) -> String { self.head.mount.isRoot ? path : self.head.mount.path + path }
}

extension Request {
    /// Whether the path of the request lies below the mount point.
    package func isMounted(at mount: MountPoint) -> Bool { self.head.mount == mount }
}

extension Response {
    /// Puts the mount point before a `Location` that is a path of the application.
    ///
    /// A location that begins with two slashes names another host, and stays as it is.
    package mutating func mount(at mount: MountPoint) {
        guard let location = self.header(.location), location.utf8.first == UInt8(ascii: "/"), !location.utf8.starts(with: "//".utf8) else {
            return
        }
        // The value was checked when it was set, and the mount point has no control bytes.
        try? self.setHeader(mount.path + location, for: .location)
    }
}
