internal import ParanoidHTTP

/// What a request presents to be recognised, all of it under the client's control.
package struct PresentedCredentials: Sendable {
    /// The identifier presented; `nil` when there is none, or nothing that could be one.
    package var identifier: SessionIdentifier?
    /// Whether the request has a session cookie at all, usable or not.
    package var presentsIdentifier: Bool
    /// The nonce presented; `nil` when there is none, or nothing that could be one.
    package var nonce: Nonce?
    /// The second key presented; `nil` when there is none, or nothing that could be one.
    package var secureKey: SecureKey?
    /// Whether the request came over HTTPS.
    package var isSecure: Bool
    /// The traits of the client, each of which has to stay as it is.
    package var traits: ClientTraits
    /// What the cookies hold when one of them comes with several values, or under the names of several logins; `nil` as a rule.
    package var candidates: SessionCandidates?
    /// The login whose names the cookies have.
    package var login = LoginNumber.visitor
    /// All whose names the request has cookies of.
    package var logins = LoginNumber.Set()
    /// What is noted of the client, and may change as the rules for it say.
    package var signals = ClientSignals.none
    /// Whether nonce and signals are what was proved last of the session's client, so that there is nothing new to note.
    var isAsProven = false
    /// What kind of request of another site it is that brings no session cookie; `nil`: none.
    package var crossSite: CrossSite?

    /// A request that another site has sent, by whether browsers send cookies with its kind.
    package enum CrossSite: Sendable, Hashable {
        /// They do: a link.
        case withCookies
        /// They do not: a form, a picture, a script's request.
        case withoutCookies
    }

    /// Whether the response is a good occasion for new values: it reaches a browser that will show them next.
    ///
    /// Asked only when values are due.
    package var mayRotate: @Sendable () -> Bool = { true }

    /// Describes what a request presents.
    package init(
        identifier: SessionIdentifier?,
        presentsIdentifier: Bool,
        nonce: Nonce?,
        secureKey: SecureKey?,
        isSecure: Bool,
        traits: ClientTraits
    ) {
        self.identifier = identifier
        self.presentsIdentifier = presentsIdentifier
        self.nonce = nonce
        self.secureKey = secureKey
        self.isSecure = isSecure
        self.traits = traits
    }
}

/// The values of session cookies that a request brings more than once; which of them is ours is not for their order to say (RFC 6265bis
/// section 4.2.2).
///
/// A neighbour under the same domain can plant cookies beside ours that nobody but he can delete. If ours were then not found, he would
/// have logged their owner out for good.
package struct SessionCandidates: Sendable {
    /// More are not looked at, as each costs a read; a request that brings more is refused unless one of the first is ours.
    package static let maximumCount = 32

    /// The identifiers.
    package var identifiers: [SessionIdentifier]
    /// The nonces.
    package var nonces: [Nonce]
    /// The second keys.
    package var secureKeys: [SecureKey]
    /// What the request shows under the names of other logins.
    package var others: [PresentedCredentials]
    /// Whether these are all that the request brings.
    let areAll: Bool

    /// Creates candidates.
    package init(
        identifiers: [SessionIdentifier],
        nonces: [Nonce],
        secureKeys: [SecureKey],
        others: [PresentedCredentials] = [],
        areAll: Bool = true
    ) {
        self.identifiers = identifiers
        self.nonces = nonces
        self.secureKeys = secureKeys
        self.others = others
        self.areAll = areAll
    }

    /// Those of a field that is longer, or has more cookies, than is read: a neighbour under the same domain can make it so.
    static let unread = SessionCandidates(identifiers: [], nonces: [], secureKeys: [], areAll: false)

    var isAmbiguous: Bool { self.identifiers.count > 1 || self.nonces.count > 1 || self.secureKeys.count > 1 }

    /// The credentials for one session: with the values that this session has issued, where exactly one of the candidates is such.
    package func credentials(
        _ all: PresentedCredentials,
        for identifier: SessionIdentifier,
        record: SessionRecord,
        keys: ServerKeys
    ) -> PresentedCredentials {
        var credentials = all
        credentials.identifier = identifier
        credentials.isAsProven = false
        guard let tracking = record.tracking else { return credentials }
        credentials.secureKey = self.secureKeys.first { $0 == tracking.secureKey }
        let stream = tracking.stream(keys: keys)
        if let chain = tracking.chain {
            credentials.nonce = self.newestNonce(in: chain, stream)
        } else {
            let ours = self.nonces.filter { stream.verifies($0) }
            credentials.nonce = ours.count == 1 ? ours[0] : nil
        }
        return credentials
    }

    /// The newest of the session's own values: a cookie of another path or domain, left from before a setting was changed, keeps an old one.
    ///
    /// Whoever has both could show the newer one alone, so that this gives nobody anything.
    private func newestNonce(in chain: RotationChain, _ stream: NonceStream) -> Nonce? {
        let ours = self.nonces.compactMap { nonce in stream.value(of: nonce).map { (nonce: nonce, value: $0) } }
        let generation = ours.map(\.value.generation).max()
        let newest = ours.filter { $0.value.generation == generation }
        if newest.count == 1 { return newest[0].nonce }
        return newest.first { $0.value.generation == chain.generation && $0.value.number == chain.settled }?.nonce
    }
}

/// What a request has proved about the client of a session: the same shown again needs no hash.
struct ProvenCredentials: Sendable {
    /// The nonce, with the note of its proof.
    var nonce: Nonce?
    /// The signals' source with its code.
    var signals: ClientSignals
}

extension PresentedCredentials {
    /// Notes what of the credentials is proved to be a session's, so that the guard does not prove it again and again.
    mutating func prove(for tracking: SessionTracking, keys: ServerKeys) {
        if !self.signals.source.isEmpty { self.signals.noteCode(keys: keys) }
        if tracking.hasChain, let nonce = self.nonce { self.nonce = tracking.stream(keys: keys).proven(nonce) }
    }
}

/// The values of one cookie that could be ours, each once.
struct CookieValues<Value: Hashable & Sendable>: Sendable {
    private(set) var first: Value?
    private var others: [Value] = []

    /// The value, if there is one only.
    var single: Value? { self.others.isEmpty ? self.first : nil }
    var isAmbiguous: Bool { !self.others.isEmpty }
    var all: [Value] { (self.first.map { [$0] } ?? []) + self.others }

    mutating func add(_ value: Value?) {
        guard let value, value != self.first else { return }
        if self.first == nil {
            self.first = value
        } else if !self.others.contains(value) {
            self.others.append(value)
        }
    }
}

extension ClientTraits {
    /// The traits of a request: the raw bytes of the named parameters, in their order.
    ///
    /// Header fields would not do: they turn control bytes into blanks without a word.
    init(of request: Request, parameters: [String]) {
        self.init(parameters.map { request.parameters.bytes(of: $0) })
    }
}

extension Cookies {
    /// The values under a name that could be ours, each once: which of several is ours is not for their order to say (RFC 6265bis section
    /// 4.2.2).
    func candidates<Value: Hashable>(_ name: String, _ parse: ([UInt8]) -> Value?) -> [Value] {
        var found: [Value] = []
        for bytes in self.all(name) {
            if let value = parse(bytes), !found.contains(value) { found.append(value) }
        }
        return found
    }
}
