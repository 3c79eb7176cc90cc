/// The rules of the guard: everything the Django package could be told, and which profile's way of applying it.
package struct GuardSettings: Sendable, Hashable {
    package typealias Profile = SessionSettings.Profile

    /// What becomes of the session of a refused request.
    package enum Clearing: String, Sendable, Hashable, CaseIterable {
        /// The session ends.
        case flush
        /// Its values go, its identifier stays.
        case wipe
        /// Nothing is done by the guard.
        case noop
    }

    /// Which rules apply.
    package var profile: Profile = .paranoid
    /// Age at which a nonce is replaced; `.zero`: with each response; `nil`: no nonces (`PSESSION_NONCE_TIMEOUT`).
    package var nonceTimeout: Duration? = .seconds(1)
    /// How many nonces before the current one still count (`PSESSION_NONCE_WINDOW`).
    package var nonceWindow: Int = 1
    /// For how long they count; `nil`: for ever (`PSESSION_NONCE_WINDOW_TIMEOUT`).
    package var nonceWindowTimeout: Duration? = .seconds(1)
    /// Age at which the identifier is replaced; `nil`: never (`PSESSION_KEY_TIMEOUT`).
    package var identifierTimeout: Duration?
    /// What becomes of the session of a refused request (`PSESSION_CLEAR_SESSION_FUNCTION`).
    package var clearing: Clearing = .flush
    /// The longest time that a request or a response is under way (`PSESSION_DELAY_BOUND`); for so long a request that still shows an
    /// identifier that was replaced is served, in profile `paranoid`.
    package var delayBound: Duration = .seconds(6)
    /// How long before now a request can have arrived at the most (`PSESSION_ARRIVAL_BOUND`), in profile `paranoid`.
    ///
    /// A request that took longer, as its body came slowly, counts as one that arrived then: it gets no new nonce and proves nothing. So a
    /// copied jar is of no use for longer than this after its values have become old, however slowly its holder sends.
    package var arrivalBound: Duration = .seconds(120)
    /// How long a session in which nobody is logged in lives after it was last written; `nil`: like every other (`SESSION_ANONYMOUS_AGE`).
    package var anonymousLifetime: Duration?
    /// How long a session lives after it was last written (`SESSION_COOKIE_AGE`).
    package var lifetime: Duration = .seconds(1_209_600)
    /// How long a session lives after its user last proved to be it, however much it is used (`SESSION_ABSOLUTE_AGE`).
    ///
    /// `nil`: without such an end, as always in profile `compatible`.
    package var absoluteLifetime: Duration? = .seconds(43_200)
    /// How long a session in which nobody is logged in lives after it began (`SESSION_ANONYMOUS_ABSOLUTE_AGE`).
    ///
    /// `nil`: without such an end, as always in profile `compatible`.
    package var anonymousAbsoluteLifetime: Duration? = .seconds(2_592_000)
    /// Whether cookies end with the browser (`SESSION_EXPIRE_AT_BROWSER_CLOSE`).
    package var expiresAtBrowserClose = false
    /// Whether every request writes its session (`SESSION_SAVE_EVERY_REQUEST`).
    package var savesEveryRequest = false

    /// What a request gets that is refused in profile `paranoid` (`PSESSION_REFUSAL`); the session stands.
    package enum Refusal: String, Sendable, Hashable, CaseIterable {
        /// It goes on without a session.
        case anonymous
        /// Status 403, as soon as it asks for its session.
        case forbid
    }

    /// What a refused request gets.
    package var refusal: Refusal = .anonymous

    /// What follows when a request proves that two parties hold copies of one jar (`PSESSION_REUSE`).
    package enum Reuse: String, Sendable, Hashable, CaseIterable {
        /// The session ends for all who hold its cookies.
        case end
        /// The session is withheld from all who hold its cookies until the application is satisfied, usually by a password: a login of the
        /// same user releases it, see ``Session/completeChallenge()``.
        case challenge
    }

    /// What follows on proof of a copied jar.
    ///
    /// A session in which nobody is logged in has nobody who could prove anything, and ends either way.
    package var reuse: Reuse = .challenge
    /// What follows when a client was given new cookie values in five rounds and has shown none (`PSESSION_IGNORED_COOKIES`).
    package enum IgnoredCookies: String, Sendable, Hashable, CaseIterable {
        /// Nothing.
        case off
        /// The application is told.
        case log
        /// The session is withheld until the application is satisfied; of one without a user the application is told.
        case challenge
        /// The session ends.
        case end

        /// What it means for a session; `nil`: nothing that a request notices.
        func policy(for record: SessionRecord) -> SignalPolicy? {
            switch self {
            case .off, .log: nil
            case .challenge: record.user == nil ? nil : .challenge
            case .end: .end
            }
        }
    }

    /// What follows when a client shows none of the cookie values that it is given: a script with a copied jar, as a rule.
    package var ignoredCookies: IgnoredCookies = .challenge
    /// Whether sessions exist over HTTPS only (`PSESSION_HTTPS_ONLY`).
    package var isHTTPSOnly = true

    var behaviour: ProfileBehaviour { self.profile.behaviour }

    /// The bounds of rotation; `nil` in profile `compatible`, and where nonces are switched off.
    var rotationBounds: RotationChain.Bounds? {
        guard self.behaviour.hasRotationChains, let timeout = self.nonceTimeout else { return nil }
        return RotationChain.Bounds(delay: self.delayBound, timeout: timeout, hold: self.arrivalBound)
    }

    /// Creates the default rules of a profile.
    package init(profile: Profile = .paranoid) {
        self.profile = profile
        switch profile {
        case .compatible:
            self.isHTTPSOnly = false
            self.absoluteLifetime = nil
            self.anonymousAbsoluteLifetime = nil
        case .paranoid: break
        case .balanced:
            self.nonceTimeout = .seconds(600)
            self.ignoredCookies = .log
        }
    }

    /// How long an identifier still leads to its session after the next one was shown; `nil`: not at all.
    ///
    /// Where there are nonces it is they that count: whoever comes later than the delay bound with an old jar is a thief or was robbed, and is
    /// to set off the alarm instead of finding nothing. A login leaves nothing behind: whoever held the session before it must not get in.
    ///
    /// Each identifier leaves a small file for that time. One that was in use for a moment only sets off the alarm for as many times that moment:
    /// however often a client changes its network, a session has no more than some three hundred of them at a time.
    ///
    /// - Parameters:
    ///   - isLogin: Whether a login has replaced it.
    ///   - use: For how long it was the session's; `nil` where that is not known.
    package func overlap(ofLogin isLogin: Bool, after use: Duration? = nil) -> Duration? {
        guard self.behaviour.hasRotationChains, !isLogin, self.delayBound > .zero else { return nil }
        if self.rotationBounds == nil { return self.delayBound }
        let alarmTime = use.map { min(Self.alarmTime, max(.zero, $0) * Self.alarmFactor) } ?? Self.alarmTime
        return max(self.delayBound, alarmTime)
    }

    /// For how long an identifier says that its session is gone: a request that shows it may have been sent before its client learnt that; `nil`:
    /// not at all.
    package var goneWindow: Duration? { self.behaviour.hasRotationChains && self.delayBound > .zero ? self.delayBound * 4 : nil }

    /// For how long a copied jar sets off the alarm after the identifier has changed, at the most, and in multiples of the time for which the
    /// identifier was in use.
    private static let alarmTime = Duration.seconds(86_400)
    private static let alarmFactor = 50
}

// How long sessions live: after their last use, and at the most.
extension GuardSettings {
    /// From when on a record written now counts as absent.
    package func expiry(of record: SessionRecord, at now: Timestamp) -> Timestamp {
        let idleEnd = now.advanced(by: self.idleLifetime(of: record))
        return min(idleEnd, self.absoluteEnd(of: record, at: now) ?? idleEnd)
    }

    /// When a session ends however much it is used; `nil` when it has no such end.
    ///
    /// Counted from the last login or step-up, without one from the beginning. A stamp that lies in the future was made by a clock that was
    /// wrong then or is wrong now; it counts as made now, so that it neither ends a session nor prolongs it further than a new one.
    package func absoluteEnd(of record: SessionRecord, at now: Timestamp) -> Timestamp? {
        guard self.behaviour.hasLifetimesOfUse else { return nil }
        let authenticatedAt = record.authenticatedAt
        guard let limit = authenticatedAt == nil ? self.anonymousAbsoluteLifetime : self.absoluteLifetime else { return nil }
        return min(authenticatedAt ?? record.createdAt, now).advanced(by: limit)
    }

    /// Whether a session has reached its absolute end, by the rules as they are now.
    package func isOver(_ record: SessionRecord, at now: Timestamp) -> Bool {
        guard let end = self.absoluteEnd(of: record, at: now) else { return false }
        return end <= now
    }

    /// How long the cookies of a record last, in whole seconds and never past its absolute end; `nil`: until the browser closes.
    package func cookieAge(of record: SessionRecord, at now: Timestamp) -> Duration? {
        switch record.lifetime {
        case .untilBrowserCloses: return nil
        case .standard where self.expiresAtBrowserClose: return nil
        case .standard, .idle: break
        }
        let age = self.idleLifetime(of: record)
        guard let end = self.absoluteEnd(of: record, at: now) else { return age }
        // Not zero, which would delete the cookie.
        let seconds = now.duration(to: end).wholeNanoseconds / 1_000_000_000
        return min(age, Duration(wholeNanoseconds: max(1, seconds) * 1_000_000_000))
    }

    /// How long a session lives after its last use.
    package func idleLifetime(of record: SessionRecord) -> Duration {
        if case .idle(let own) = record.lifetime { return own }
        guard let anonymous = self.anonymousLifetime, record.authenticatedAt == nil else { return self.lifetime }
        return min(anonymous, self.lifetime)
    }

    /// Whether a session has to be written although nothing changes, so that it does not time out while it is used.
    ///
    /// Not with each request, but once a tenth of its idle time has passed. A stored end that is later than the rules allow, because a clock
    /// was ahead or a setting has changed, is corrected as well. In profile `compatible` reading prolongs nothing, as in the package of 2009.
    ///
    /// - Parameters:
    ///   - record: The session.
    ///   - storedEnd: From when on the session counts as absent as it is stored; `nil` when that is not known.
    ///   - now: The time.
    func isRenewalDue(of record: SessionRecord, storedEnd: Timestamp?, at now: Timestamp) -> Bool {
        guard self.behaviour.hasLifetimesOfUse, let storedEnd else { return false }
        let end = self.expiry(of: record, at: now)
        let step = self.renewalStep(of: record)
        return storedEnd.advanced(by: step) <= end || end.advanced(by: step) < storedEnd
    }

    private func renewalStep(of record: SessionRecord) -> Duration { self.idleLifetime(of: record).divided(by: 10) }

    // MARK: Rotation

    /// The bounds of rotation for one session: its cookies are renewed by rotation, so that must not be rarer than their renewal.
    func rotationBounds(of record: SessionRecord) -> RotationChain.Bounds? {
        guard var bounds = self.rotationBounds else { return nil }
        bounds.timeout = min(bounds.timeout, self.renewalStep(of: record))
        return bounds
    }
}
