// How long sessions live: after their last use, and at the most.
extension GuardSettings {
    /// From when on a record written now counts as absent.
    package func expiry(of record: SessionRecord, at now: Timestamp) -> Timestamp {
        let idleEnd = now.advanced(by: .seconds(self.idleLifetime(of: record)))
        return min(idleEnd, self.absoluteEnd(of: record, at: now) ?? idleEnd)
    }

    /// When a session ends however much it is used; `nil` when it has no such end.
    ///
    /// Counted from the last login or step-up, without one from the beginning. A stamp that lies in the future was made by a clock that was
    /// wrong then or is wrong now; it counts as made now, so that it neither ends a session nor prolongs it further than a new one.
    package func absoluteEnd(of record: SessionRecord, at now: Timestamp) -> Timestamp? {
        guard !self.profile.isCompatible else { return nil }
        let begin = record.user?.authenticatedAt ?? record.createdAt
        let limit = record.user == nil ? self.anonymousAbsoluteLifetime : self.absoluteLifetime
        return limit.map { min(begin, now).advanced(by: .seconds($0)) }
    }

    /// Whether a session has reached its absolute end, by the rules as they are now.
    package func isOver(_ record: SessionRecord, at now: Timestamp) -> Bool {
        self.absoluteEnd(of: record, at: now).map { $0 <= now } ?? false
    }

    /// The lifetime of the cookies of a record in seconds, never past its absolute end; `nil`: until the browser closes.
    package func cookieAge(of record: SessionRecord, at now: Timestamp) -> Int? {
        let age: Int
        switch record.lifetime {
        case 0?: return nil
        case let own?: age = own
        case nil:
            if self.expiresAtBrowserClose { return nil }
            age = self.idleLifetime(of: record)
        }
        guard let end = self.absoluteEnd(of: record, at: now) else { return age }
        // Not 0, which would delete the cookie.
        return min(age, max(1, Int(now.duration(to: end).components.seconds)))
    }

    /// How long a session lives after its last use, in seconds.
    package func idleLifetime(of record: SessionRecord) -> Int {
        if let own = record.lifetime, own != 0 { return own }
        guard record.user == nil, let anonymous = self.anonymousLifetime else { return self.lifetime }
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
        guard !self.profile.isCompatible, let storedEnd else { return false }
        let end = self.expiry(of: record, at: now)
        let step = self.renewalStep(of: record)
        return storedEnd.advanced(by: step) <= end || end.advanced(by: step) < storedEnd
    }

    private func renewalStep(of record: SessionRecord) -> Duration { .seconds(self.idleLifetime(of: record)) / 10 }

    // MARK: Rotation

    /// The bounds of rotation for one session: its cookies are renewed by rotation, so that must not be rarer than their renewal.
    func rotationBounds(of record: SessionRecord) -> RotationChain.Bounds? {
        guard var bounds = self.rotationBounds else { return nil }
        bounds.timeout = min(bounds.timeout, self.renewalStep(of: record))
        return bounds
    }
}
