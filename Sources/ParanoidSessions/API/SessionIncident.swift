/// A session that had to be given up; the client sees no more than "no session".
package struct SessionIncident: Sendable, Hashable {
    /// What happened.
    package enum Kind: String, Sendable {
        /// The stored bytes are broken; the store moved them aside.
        case damaged
        /// The stored bytes are whole, but were not sealed for this session by a server that has our secrets.
        case doesNotOpen = "does not open"
    }

    /// Which session it is; `nil` when nothing of it can be read and this process did not use it before.
    package var handle: SessionHandle?
    /// What happened.
    package var kind: Kind

    /// Creates an incident.
    package init(handle: SessionHandle?, kind: Kind) {
        self.handle = handle
        self.kind = kind
    }
}
