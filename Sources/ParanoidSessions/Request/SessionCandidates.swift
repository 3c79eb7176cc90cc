/// The values of session cookies that a request brings more than once; which of them is ours is not for their order to say (RFC 6265bis
/// section 4.2.2).
///
/// A neighbour under the same domain can plant cookies beside ours that nobody but he can delete. If ours were then not found, he would
/// have logged their owner out for good.
public struct SessionCandidates: Sendable {
    /// More are not looked at, as each costs a read.
    public static let maximumCount = 4

    /// The identifiers.
    package var identifiers: [SessionIdentifier]
    /// The nonces.
    package var nonces: [Nonce]
    /// The second keys.
    package var secondKeys: [SecureKey]

    /// Creates candidates.
    package init(identifiers: [SessionIdentifier], nonces: [Nonce], secondKeys: [SecureKey]) {
        self.identifiers = identifiers
        self.nonces = nonces
        self.secondKeys = secondKeys
    }

    /// The claim on one session: with the values that this session has issued, where exactly one of the candidates is such.
    package func claim(
        _ claim: PresentedCredentials,
        on identifier: SessionIdentifier,
        record: SessionRecord,
        keys: ServerKeys
    ) -> PresentedCredentials {
        var claim = claim
        claim.identifier = identifier
        guard let tracking = record.tracking else { return claim }
        claim.secureKey = self.secondKeys.first { $0 == tracking.secureKey }
        let stream = tracking.stream(keys: keys)
        let ours = self.nonces.filter { tracking.chain == nil ? stream.verifies($0) : stream.value(of: $0) != nil }
        claim.nonce = ours.count == 1 ? ours[0] : nil
        return claim
    }
}
