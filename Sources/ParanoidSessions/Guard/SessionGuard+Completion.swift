extension SessionGuard {
    /// What is to be stored at the end of a request, or when it commits in between.
    package enum Storing: Sendable, Hashable {
        /// Nothing: what is stored is right.
        case nothing
        /// Nothing, ever: the session ended while the request was under way.
        case gone
        /// Nothing, and the session ends: what the request has shown proves by now that two parties hold it.
        case end
        /// This record takes the place of the current one.
        case write(SessionRecord)
        /// A session comes to be, under a new identifier.
        case create(SessionRecord)
        /// This record goes under a new identifier, and the old one ends.
        case rotate(SessionRecord)
    }

    /// The outcome of ``complete(_:over:keys:at:using:applying:)``.
    public struct Completion: Sendable {
        /// What is to be stored.
        package var storing: Storing
        /// What the response has to tell the client.
        public var changes: SessionCookieChanges
        /// Why the visit's edits cannot be stored; nothing may be stored then.
        public var failure: (any Error)?
        /// How many changes of others this one overwrites.
        public var conflicts = 0
        /// The identifier that the client has given up, as it has shown its successor.
        package var confirmed: SessionIdentifier?
    }

    /// Whether completing a visit can change anything that is stored; if not, no lock is needed.
    package func needsCommit(_ visit: SessionVisit, keys: ServerKeys, at now: Timestamp) -> Bool {
        if visit.isGone { return false }
        if !visit.edits.isEmpty || visit.rotates || visit.renewsSecureKey || self.settings.savesEveryRequest { return true }
        if visit.isModified && !visit.isStored { return true }
        if let signals = visit.signals, signals.policy != .rotate { return true }
        if let record = visit.record, self.settings.isRenewalDue(of: record, storedEnd: visit.expiresAt, at: now) { return true }
        guard visit.isChecked else { return false }
        guard let tracking = visit.record?.tracking else { return visit.identifier != nil || self.settings.profile.isCompatible }
        if visit.claim.isSecure && tracking.secureKey == nil { return true }
        if let record = visit.record, let bounds = self.settings.rotationBounds(of: record), let chain = tracking.chain {
            if self.turn(chain, of: tracking, for: visit, at: now, bounds, keys: keys).chain != chain { return true }
        } else if self.isNonceDue(tracking, for: visit, at: now) {
            return true
        }
        if tracking.predecessor != nil && visit.claim.identifier == visit.identifier { return true }
        return !visit.isSuperseded && self.isIdentifierDue(tracking, for: visit, at: now)
    }

    /// Works out what a request leaves behind (R5 and the host's H8), on the record as it is now.
    ///
    /// Called under the session's lock, so that the edits, the guard's own state and the identifier change together or not at all.
    ///
    /// - Parameters:
    ///   - visit: What happened since the request arrived.
    ///   - current: The record as it is now; `nil` when there is none under the visit's identifier.
    ///   - keys: The keys of the visit's identifier, or the newest ones for a session to be made.
    ///   - now: When the response is made.
    ///   - generator: Randomness for what has to be made.
    ///   - body: A change of the values that comes after the visit's edits.
    package func complete(
        _ visit: SessionVisit,
        over current: SessionRecord?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator,
        applying body: ((inout SessionValues) -> Void)? = nil
    ) -> Completion {
        var changes = visit.changes
        if visit.identifier != nil && current == nil { return Completion(storing: .gone, changes: SessionCookieChanges()) }

        var record = current ?? SessionRecord(createdAt: now)
        if let failure = visit.edits.apply(to: &record) {
            return Completion(storing: .nothing, changes: visit.changes, failure: failure)
        }
        let conflicts = current.map { visit.edits.conflicts(seen: visit.record?.values, current: $0.values) } ?? 0
        if visit.edits.clears { record.tracking = nil }
        body?(&record.values)
        var isModified = visit.isModified || !visit.edits.isEmpty || body != nil
        if current != nil && self.settings.isRenewalDue(of: record, storedEnd: visit.expiresAt, at: now) { isModified = true }

        let hasContent = !record.values.isEmpty || record.lifetime != nil || record.user != nil
        // A login, or a new identifier, is not forgotten on a path whose requests are not checked.
        let changesIdentity = current != nil && (visit.rotates || visit.renewsSecureKey)
        let tracks =
            if self.settings.profile.isCompatible {
                visit.isChecked || changesIdentity
            } else {
                visit.isChecked ? (current != nil || hasContent) : (changesIdentity || (current == nil && hasContent))
            }
        var rotates = false
        var confirmed: SessionIdentifier?
        // Where values form a chain, cookies go out with its values only, so that no late answer brings an old identifier back.
        var tellsIdentifier = self.settings.rotationBounds == nil || current == nil || visit.isPending || visit.edits.lifetime != nil
        if tracks {
            // Who logs in proves more than any cookie: nothing that was known of the session before goes on counting.
            if visit.renewsSecureKey { record.tracking = nil }
            let isNew = record.tracking == nil
            var tracking = self.tracking(of: record, visit: visit, stored: current?.tracking, keys: keys, at: now, using: &generator)
            if visit.renewsSecureKey && visit.claim.isSecure { tracking.secureKey = SecureKey(using: &generator) }
            var isDue = self.isIdentifierDue(tracking, for: visit, at: now)
            if let bounds = self.settings.rotationBounds(of: record), !isNew, let chain = tracking.chain {
                let turn = self.turn(chain, of: tracking, for: visit, at: now, bounds, keys: keys)
                if turn.isReuse { return Completion(storing: .end, changes: SessionCookieChanges()) }
                tracking.chain = turn.chain
                if turn.gives {
                    let value = RotationChain.Value(generation: turn.chain.generation &+ 1, number: generator.next())
                    changes.nonce = tracking.stream(keys: keys).nonce(of: value)
                    isModified = true
                }
                if turn.chain != chain { isModified = true }
                isDue = isDue && turn.gives
            } else if self.settings.rotationBounds != nil {
                // The first value of a new chain; a session from before there were chains gets one as well.
                tracking.chain = RotationChain(at: now)
                changes.nonce = tracking.stream(keys: keys).nonce(of: RotationChain.Value(generation: 0, number: generator.next()))
                isModified = true
            } else if self.isNonceDue(tracking, for: visit, at: now) {
                tracking.position &+= 1
                tracking.nonceIssuedAt = now
                changes.nonce = self.currentNonce(of: tracking, keys: keys)
                isModified = true
            }
            if tracking.predecessor != nil && visit.claim.identifier == visit.identifier {
                // The client has the identifier: the one before it is done with.
                confirmed = tracking.predecessor
                tracking.predecessor = nil
                isModified = true
            }
            rotates = current != nil && (visit.rotates || (!visit.isSuperseded && isDue))
            if !isNew, self.remember(visit.signals, afterRotating: rotates, in: &tracking, for: visit, keys: keys) { isModified = true }
            if rotates || isNew || visit.isPending {
                isModified = true
                if rotates { tracking.identifierIssuedAt = now }
            }
            changes.second = self.secondCookie(of: tracking, for: visit) ?? changes.second
            if isModified && changes.second == nil { changes.second = self.renewedSecondCookie(of: tracking, for: visit, at: now) }
            if tracking.secureKey != record.tracking?.secureKey { isModified = true }
            record.tracking = tracking
            tellsIdentifier = tellsIdentifier || isNew || rotates || changes.nonce != nil
        }

        let isEmpty = current == nil && record.tracking == nil && !hasContent
        changes.maxAge = self.settings.cookieAge(of: record, at: now)
        guard (isModified || self.settings.savesEveryRequest) && !isEmpty else {
            if isEmpty && visit.claim.presentsIdentifier && !visit.isRefused { changes.identifier = .deleted }
            return Completion(storing: .nothing, changes: changes)
        }
        if tellsIdentifier { changes.identifier = .set }
        // Whoever shows an old identifier within the overlap may be the owner's other tab or a thief: neither learns the new one here.
        if visit.isSuperseded && !rotates { changes = SessionCookieChanges() }
        guard current != nil else { return Completion(storing: .create(record), changes: changes) }
        if rotates { return Completion(storing: .rotate(record), changes: changes, conflicts: conflicts, confirmed: confirmed) }
        if visit.isStored && record == current { return Completion(storing: .nothing, changes: changes) }
        return Completion(storing: .write(record), changes: changes, conflicts: conflicts, confirmed: confirmed)
    }

    /// What a request's value does to a chain, and whether the answer gives a new one.
    private func turn(
        _ chain: RotationChain,
        of tracking: SessionTracking,
        for visit: SessionVisit,
        at now: Timestamp,
        _ bounds: RotationChain.Bounds,
        keys: ServerKeys
    ) -> (chain: RotationChain, isReuse: Bool, gives: Bool) {
        var chain = chain
        guard visit.isChecked, let value = visit.claim.nonce.flatMap({ tracking.stream(keys: keys).value(of: $0) })
        else { return (chain, false, false) }
        switch chain.show(value, at: visit.arrivedAt, bounds) {
        case .reuse: return (chain, true, false)
        case .late: return (chain, false, false)
        case .current:
            // One request is given one value, however often it commits.
            guard visit.changes.nonce == nil else { return (chain, false, false) }
            let before = chain
            let gives = chain.gives(to: value, at: now, bounds, isForced: visit.rotates, isHastened: visit.hastensRotation)
            // Who is served ahead of time, or in the background, may never see the answer's cookies.
            if gives && !visit.rotates && !visit.claim.mayRotate() { return (before, false, false) }
            return (chain, false, gives)
        }
    }

    /// The tracking to go on with: that of the record, or a new one.
    private func tracking(
        of record: SessionRecord,
        visit: SessionVisit,
        stored: SessionTracking?,
        keys: ServerKeys,
        at now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> SessionTracking {
        let nonceTimeout = self.settings.nonceTimeout
        guard var tracking = record.tracking else {
            var new = SessionTracking(boundTo: Fingerprint(of: visit.claim.traits, keys: keys), at: now, using: &generator)
            new.known.complete(with: visit.claim.signals, keys: keys)
            if !self.settings.profile.isCompatible && visit.claim.isSecure { new.secureKey = SecureKey(using: &generator) }
            // A wiped session keeps its stream and the age of its identifier: the package reads them again before it stores.
            if let stored, !visit.renewsSecureKey, let nonceTimeout, nonceTimeout > .zero {
                new.continueStream(of: stored)
                new.identifierIssuedAt = max(new.identifierIssuedAt, stored.identifierIssuedAt)
            }
            return new
        }
        if let seen = visit.record?.tracking, !visit.edits.clears {
            // Whoever was accepted keeps the binding it was accepted by, even if a refused request wiped the session meanwhile.
            tracking.fingerprint = seen.fingerprint
            if tracking.secureKey == nil { tracking.secureKey = seen.secureKey ?? visit.freshSecureKey }
            // The package compares times the wrong way round and so does not read again what is as old as the request (R5.2a).
            if self.settings.profile.isCompatible, let nonceTimeout, visit.arrivedAt >= now.advanced(by: nonceTimeout) {
                tracking.continueStream(of: seen)
            }
        }
        return tracking
    }

    private func isNonceDue(_ tracking: SessionTracking, for visit: SessionVisit, at now: Timestamp) -> Bool {
        // One request rotates once, however often it commits.
        guard let timeout = self.settings.nonceTimeout, visit.changes.nonce == nil, !visit.isSuperseded else { return false }
        guard let issued = tracking.nonceIssuedAt else { return true }
        return issued.advanced(by: timeout) < now
    }

    private func isIdentifierDue(_ tracking: SessionTracking, for visit: SessionVisit, at now: Timestamp) -> Bool {
        let isOld = self.settings.identifierTimeout.map { tracking.identifierIssuedAt.advanced(by: $0) < now } ?? false
        guard isOld || visit.hastensRotation else { return false }
        return self.settings.profile.isCompatible || visit.claim.mayRotate()
    }

    /// Takes note of what is new about the client; where it calls for a rotation, only once that is done.
    ///
    /// - Returns: Whether anything that is stored has changed.
    private func remember(
        _ findings: SignalFindings?,
        afterRotating hasRotated: Bool,
        in tracking: inout SessionTracking,
        for visit: SessionVisit,
        keys: ServerKeys
    ) -> Bool {
        let before = tracking.known
        if let findings, findings.policy != .rotate || hasRotated { tracking.known.remember(findings) }
        tracking.known.complete(with: visit.claim.signals, keys: keys)
        return tracking.known.hasOtherValues(than: before)
    }

    private func currentNonce(of tracking: SessionTracking, keys: ServerKeys) -> Nonce {
        tracking.stream(keys: keys).nonce(at: tracking.position &+ UInt64(self.settings.nonceWindow))
    }

    /// The second cookie again, so that it lives as long as the session cookie that is set beside it.
    ///
    /// Not soon after a change of keys: an older answer that arrives late must not bring the old one back.
    private func renewedSecondCookie(
        of tracking: SessionTracking,
        for visit: SessionVisit,
        at now: Timestamp
    ) -> SessionCookieChanges.Second? {
        guard !self.settings.profile.isCompatible, visit.claim.isSecure, let key = tracking.secureKey else { return nil }
        return tracking.identifierIssuedAt.advanced(by: .seconds(60)) < now ? .set(key) : nil
    }

    private func secondCookie(of tracking: SessionTracking, for visit: SessionVisit) -> SessionCookieChanges.Second? {
        guard visit.claim.isSecure else { return nil }
        guard let key = tracking.secureKey else { return self.settings.profile.isCompatible ? .unusable : nil }
        return key == visit.claim.secureKey ? nil : .set(key)
    }
}
