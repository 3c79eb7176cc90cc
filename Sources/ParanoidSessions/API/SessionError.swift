public import ParanoidHTTP
internal import HTTPTypes

/// A use of a session that cannot work.
public struct SessionError: Error, Sendable, Hashable, CustomStringConvertible {
    private enum Kind: String {
        case reservedKey = "the guard's own data cannot be read or written by the application"
        case responseSent = "a session cannot begin, end or change its identifier once the response is on its way"
        case notANumberOfSeconds = "a lifetime is a number of seconds from 0 to 2^31-1"
        case valueTooLarge = "a value is larger than a session value may be"
        case valueTooDeep = "a value is nested more deeply than a session value may be"
        case sessionTooLarge = "the values are larger than those of a session may be"
        case tooManySessions = "the user has as many sessions as are allowed"
    }

    private let kind: Kind

    /// The key is the one the guard keeps its own data under.
    public static let reservedKey = Self(kind: .reservedKey)
    /// The response is on its way, so no cookie can be set any more.
    public static let responseSent = Self(kind: .responseSent)
    /// The lifetime is not usable.
    public static let invalidLifetime = Self(kind: .notANumberOfSeconds)

    /// One value has more bytes than ``SessionValueLimits/valueByteCount``.
    public static let valueTooLarge = Self(kind: .valueTooLarge)
    /// One value is nested more deeply than ``SessionValueLimits/depth``.
    public static let valueTooDeep = Self(kind: .valueTooDeep)
    /// All values have more bytes than ``SessionValueLimits/sessionByteCount``.
    public static let sessionTooLarge = Self(kind: .sessionTooLarge)
    /// The user has as many sessions as are allowed, and a further login is to be refused.
    public static let tooManySessions = Self(kind: .tooManySessions)

    /// What cannot work.
    public var description: String { self.kind.rawValue }
}

extension SessionError: ResponseConvertible {
    /// What a client is told when the handler lets the error through: 403 for one session too many, else 500.
    public func makeResponse() throws -> Response {
        guard self == .tooManySessions else { throw self }
        return Response.text("Too many sessions\n", status: .forbidden)
    }
}
