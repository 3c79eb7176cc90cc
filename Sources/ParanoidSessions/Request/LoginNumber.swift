/// Which login of a client a session belongs to, as far as the names of its cookies say.
///
/// An answer that left before a login may arrive after the login's own. Were both to set cookies of the same names, it would take the login
/// away. So each login sets cookies whose names end in another number, and those of a visitor's session end in none. A request that shows
/// several belongs to the newest login among them. The numbers come round again: an answer would have to be overtaken by three logins to meet
/// its own names.
package struct LoginNumber: Sendable, Hashable {
    /// How many there are, that of visitors included.
    package static let count = 4
    /// That of sessions which began without a login.
    package static let visitor = LoginNumber(index: 0)

    /// Where it stands among all of them.
    package let index: UInt8

    private init(index: UInt8) { self.index = index }

    /// The number that a name ends in, behind a hyphen; `nil`: none that is given.
    init?(digit: UInt8) {
        guard UInt8(ascii: "1")..<UInt8(ascii: "0") + UInt8(Self.count) ~= digit else { return nil }
        self.index = digit - UInt8(ascii: "0")
    }

    /// What names end in.
    package var suffix: String { self == .visitor ? "" : "-\(self.index)" }

    /// All of them.
    package static var all: [LoginNumber] { (0..<UInt8(Self.count)).map { LoginNumber(index: $0) } }

    /// The number of a login that a request makes: the next one of which it shows nothing.
    ///
    /// - Parameter shown: Those that the request shows.
    func next(besides shown: Set) -> LoginNumber {
        var following = self.following
        for _ in 1..<Self.count where shown.contains(following) { following = following.following }
        return shown.contains(following) ? self.following : following
    }

    private var following: LoginNumber { LoginNumber(index: self.index % UInt8(Self.count - 1) + 1) }

    /// Some of them.
    package struct Set: Sendable, Hashable {
        private var bits: UInt8 = 0

        package init() {}

        /// Whether there is none.
        package var isEmpty: Bool { self.bits == 0 }

        /// Whether a number is among them.
        package func contains(_ login: LoginNumber) -> Bool { self.bits & 1 << login.index != 0 }

        /// Adds one.
        package mutating func insert(_ login: LoginNumber) { self.bits |= 1 << login.index }

        /// All of them, in their order.
        package var numbers: [LoginNumber] { self.isEmpty ? [] : LoginNumber.all.filter(self.contains) }
    }
}
