// What profile `compatible` does: the rules of the Django package of 2009, by the numbers that the code refers to. Times are compared
// strictly and unrounded; `now` is the time of the step.
//
// The host's session layer:
//
//  H1  A request that presents no usable session cookie has no session.
//  H2  A record is absent when there is none, or once its expiry has come. What a request presents in vain is never taken over.
//  H3  A stored record expires its lifetime after it was written: its own if it has one that is not 0, else the setting's.
//  H4  Flush: the record goes, and with it the identifier; what the request stores from there on goes into a new session.
//  H5  Wipe: the values go, the identifier stays.
//  H6  Cycle: the record goes under a new identifier, and the old one names nothing from then on.
//  H7  Cookies last as long as the record, or until the browser closes if its own lifetime is 0 or the setting says so.
//  H8  After the response stage: a presented cookie that names nothing is deleted when there is nothing to store; else, when anything
//      was changed or every request is to be saved, the record is stored and the session cookie set.
//
// The guard, for every request that is checked:
//
//  R1  The nonces of a session are a stream n(0), n(1), … and a position p. With a window of W, n(p) … n(p + W - 1) are old, n(p + W) is
//      the current one and n(p + W + 1) the one ahead.
//  R2  The fingerprint is made of the listed parameters, in their order. (Repaired: each value is framed, and absent differs from empty.)
//  R3  Tracking begins with the fingerprint of the request, a new stream at position 0, no nonce issued, no secure key, and an
//      identifier issued now.
//  R4  Arrival:
//      1. A session without tracking gets it at once and is stored: `new`. So each visitor has a session from the first checked request.
//      2. Over HTTPS a session without a secure key gets one, whatever is presented; with one, the cookie has to be it: `secureKey`.
//         Over plain HTTP the key is not asked for.
//      3. The fingerprint has to be the same: `headers`.
//      4. Where nonces are on, the current one counts, the one ahead, and the old ones until the window's time after the last one was
//         issued: else `nonce`.
//      5. The request is accepted.
//      6. A refused request goes on with what the setting leaves of its session: nothing (flush, H4), no values (wipe, H5), all (noop).
//  R5  Response, for refused requests as well:
//      1. A session without tracking, because it was cleared, gets new tracking (R3). After a wipe the stream goes on, as 2a reads it again.
//      2. Where nonces are on: (a) the stream is read again as it is stored by then, unless the request is as old as the nonce time-out
//         (the package compares the times the wrong way round); (b) if the last nonce was issued longer ago than the time-out, the position
//         moves on by one and the nonce cookie is set.
//      3. If the identifier is older than its time-out, it is cycled (H6).
//      4. Over HTTPS the second cookie is set whenever the client has not shown the key; to a constant while there is no key.
//      5. The session cookie is set when anything was stored.
//
// Six defects of the package are repaired, and nothing else: values of a fingerprint are framed; absent differs from empty; changes of
// concurrent requests add up; a session that has ended stays gone; the cookies of requests that are not checked are HttpOnly; the store
// is a file store with the rules above.

/// What the code around the guard has to know of a profile's way.
struct ProfileBehaviour: Sendable {
    /// Whether every checked request has its session read, and made, before the handler runs (R4.1); else when the handler first asks.
    var loadsEarly = false
    /// Whether nonces are values in a rotation chain, and not positions in a stream (R1).
    var hasRotationChains = true
    /// Whether use renews a session, and none lives for ever; else a record lives from its last write (H3).
    var hasLifetimesOfUse = true
    /// Whether requests are read as those of browsers: cookies with several values, and what browsers say about why they ask.
    var followsBrowsers = true
    /// Whether a session that is gone takes all its cookies with it; else the session cookie alone (H8).
    var deletesAllCookies = true
    /// Whether caches are kept from giving one client's response to another; the package leaves this to its host.
    var guardsCaches = true

    /// The package of 2009.
    static let compatible = Self(
        loadsEarly: true,
        hasRotationChains: false,
        hasLifetimesOfUse: false,
        followsBrowsers: false,
        deletesAllCookies: false,
        guardsCaches: false
    )
    /// All other profiles.
    static let paranoid = Self()
}

extension GuardSettings.Profile {
    /// Whether the rules are those of 2009.
    package var isCompatible: Bool { self == .compatible }

    var behaviour: ProfileBehaviour { self.isCompatible ? .compatible : .paranoid }
}
