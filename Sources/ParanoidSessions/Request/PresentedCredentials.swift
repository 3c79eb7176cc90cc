/// What a request presents to be recognised, all of it under the client's control.
public struct PresentedCredentials: Sendable {
    /// The identifier presented; `nil` when there is none, or nothing that could be one.
    package var identifier: SessionIdentifier?
    /// Whether the request has a session cookie at all, usable or not.
    public var presentsIdentifier: Bool
    /// The nonce presented; `nil` when there is none, or nothing that could be one.
    package var nonce: Nonce?
    /// The second key presented; `nil` when there is none, or nothing that could be one.
    package var secureKey: SecureKey?
    /// Whether the request came over HTTPS.
    public var isSecure: Bool
    /// The traits of the client, each of which has to stay as it is.
    public var traits: ClientTraits
    /// What the cookies hold when one of them comes with several values; `nil` as a rule.
    public var candidates: SessionCandidates?
    /// What is noted of the client, and may change as the rules for it say.
    public var signals = ClientSignals.none
    /// Whether the response is a good occasion for new values: it reaches a browser that will show them next.
    ///
    /// Asked only when values are due.
    public var mayRotate: @Sendable () -> Bool = { true }

    /// Creates a claim.
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
