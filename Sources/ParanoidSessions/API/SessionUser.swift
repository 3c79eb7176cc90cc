/// Who is logged in, since when, and how surely.
package struct SessionUser: Sendable, Hashable {
    /// The application's name for the user.
    package var name: String
    /// When the user logged in.
    package var loggedInAt: Timestamp
    /// When the user last proved to be it: at the login, or at a step-up since.
    package var authenticatedAt: Timestamp
    /// How surely the user proved to be it.
    package var level: AssuranceLevel
    /// What the application noted of the device.
    package var device: SessionDevice?
    /// The remembered login with which the browser has logged the user in, if it has: proof that the session was copied ends that as well.
    package var memory: SessionHandle?
    /// The store's ``SessionStore/loginEpoch`` when the request arrived that logged the user in; it lies in the clear head.
    package var epoch: UInt64

    /// Creates a login.
    package init(
        name: String,
        loggedInAt: Timestamp,
        authenticatedAt: Timestamp? = nil,
        level: AssuranceLevel = .password,
        device: SessionDevice? = nil,
        memory: SessionHandle? = nil,
        epoch: UInt64 = 0
    ) {
        self.name = name
        self.loggedInAt = loggedInAt
        self.authenticatedAt = authenticatedAt ?? loggedInAt
        self.level = level
        self.device = device
        self.memory = memory
        self.epoch = epoch
    }
}

/// How surely a user has proved who it is; a higher level includes the lower ones.
///
/// An application may have levels of its own between and above these.
public struct AssuranceLevel: Sendable, Hashable, Comparable {
    /// The place of the level among the others.
    package let rawValue: UInt8

    /// Creates a level.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The browser was recognised, the person was not asked: never enough for what needs a fresh login.
    public static let remembered = Self(rawValue: 0)
    /// One factor, such as a password.
    public static let password = Self(rawValue: 10)
    /// A second factor beside it, such as a code from a device.
    public static let secondFactor = Self(rawValue: 20)
    /// A factor that a fake site cannot pass on, such as a passkey.
    public static let phishingResistant = Self(rawValue: 30)

    /// Whether one level is below another.
    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// What the application wants a user to see of a login when it lists the user's sessions.
///
/// Nothing is stored of a client but what is given here; an address is personal data, so ask before you keep it.
public struct SessionDevice: Sendable, Hashable {
    /// The most bytes of each text; more is cut off.
    package static let maximumByteCount = 128

    /// A text by which the user recognises the device, such as "Firefox on Linux".
    public let label: String
    /// Where it was, if the user agreed to have that kept.
    public let address: String?

    /// Creates a description; texts of more than 128 bytes are cut.
    public init(label: String, address: String? = nil) {
        self.label = Self.cut(label)
        self.address = address.map(Self.cut)
    }

    private static func cut(_ text: String) -> String {
        if text.utf8.count <= self.maximumByteCount { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: self.maximumByteCount)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
