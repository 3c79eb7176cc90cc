/// The rules by which a request may, or may not, continue a session.
///
/// A guard is a pure value: it reads no clock, draws no randomness of its own and performs no I/O; time, randomness and what is stored
/// are arguments. The rules are numbered as in the description of the Django package (R1 to R6).
public struct SessionGuard: Sendable {
    /// What is to be done with a request that arrives.
    public enum Arrival: Sendable, Hashable {
        /// There is no session, and this request begins one at once.
        case begin
        /// There is no session; one will be made if the application writes.
        case anonymous
        /// The session is there but not tracked yet: track it from this request on.
        case adopt
        /// The request continues its session; `needsSecureKey`: it is the first one over HTTPS.
        case accept(GuardReason, needsSecureKey: Bool)
        /// The request is refused.
        case reject(GuardReason)
        /// The session waits until the application is satisfied that the request is its owner's.
        case challenge(GuardReason)
    }

    /// The rules in force.
    public var settings: GuardSettings

    /// Creates a guard.
    public init(settings: GuardSettings) {
        self.settings = settings
    }

    /// Decides what to do with a request that is to be checked (R4).
    ///
    /// - Parameters:
    ///   - claim: What the request presents.
    ///   - record: The record of the session it names, if there is one.
    ///   - keys: The keys that belong to the record; needed only where there is one.
    ///   - now: When the request arrived.
    package func decide(_ claim: PresentedCredentials, on record: SessionRecord?, keys: ServerKeys?, at now: Timestamp) -> Arrival {
        guard let record, let keys else { return self.settings.profile.isCompatible ? .begin : .anonymous }
        guard let tracking = record.tracking else { return .adopt }

        var needsSecureKey = false
        if let key = tracking.secureKey {
            // A session that has a key is one of HTTPS: over plain HTTP the same cookies are nobody's (profile paranoid).
            if claim.isSecure || !self.settings.profile.isCompatible {
                guard claim.isSecure && claim.secureKey == key else { return .reject(.secureKey) }
            }
        } else {
            // Not for whoever comes first: in profile paranoid a login gives it, or the creation over HTTPS.
            needsSecureKey = claim.isSecure && self.settings.profile.isCompatible
        }
        if tracking.isSuspended { return .challenge(.reuse) }
        guard tracking.fingerprint.isOf(claim.traits, keys: keys) else { return .reject(.headers) }
        guard self.settings.nonceTimeout != nil else { return .accept(.off, needsSecureKey: needsSecureKey) }
        if let bounds = self.settings.rotationBounds, var chain = tracking.chain {
            guard let value = claim.nonce.flatMap({ tracking.stream(keys: keys).value(of: $0) }) else { return .reject(.nonce) }
            switch chain.show(value, at: now, bounds) {
            case .current: return .accept(.current, needsSecureKey: needsSecureKey)
            case .late: return .accept(.window, needsSecureKey: needsSecureKey)
            case .reuse: return .reject(.reuse)
            }
        }
        guard let nonce = claim.nonce,
            let reason = self.standing(of: nonce, in: tracking, at: now),
            tracking.stream(keys: keys).verifies(nonce)
        else { return .reject(.nonce) }
        return .accept(reason, needsSecureKey: needsSecureKey)
    }

    /// What about the client is not as the session knows it; `nil`: nothing.
    ///
    /// Asked only of a request that was accepted: who cannot show the session's secrets learns and changes nothing by looking different.
    package func changes(of claim: PresentedCredentials, on record: SessionRecord?, keys: ServerKeys?) -> SignalFindings? {
        guard let tracking = record?.tracking, let keys else { return nil }
        return tracking.known.findings(on: claim.signals, keys: keys)
    }

    /// Where a nonce stands by its position alone; `nil`: it does not count (R4.4).
    private func standing(of nonce: Nonce, in tracking: SessionTracking, at now: Timestamp) -> GuardReason? {
        let current = tracking.position &+ UInt64(self.settings.nonceWindow)
        switch nonce.position {
        case current: return .current
        case current &+ 1: return .ahead
        case tracking.position..<current: return self.isWindowOpen(in: tracking, at: now) ? .window : nil
        default: return nil
        }
    }

    private func isWindowOpen(in tracking: SessionTracking, at now: Timestamp) -> Bool {
        guard let timeout = self.settings.nonceWindowTimeout else { return true }
        // No nonce was issued yet: nothing can be in the window.
        guard let issued = tracking.nonceIssuedAt else { return false }
        return now < issued.advanced(by: timeout)
    }
}
