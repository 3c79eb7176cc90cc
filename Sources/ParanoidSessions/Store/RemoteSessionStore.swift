/// A store that other machines keep: it may not know at a moment which logins have ended.
package protocol RemoteSessionStore: SessionStore {
    /// Whether a ``SessionStore/loginEpoch`` of 0 says that it is not known; a login is refused then, as it might be void.
    var zeroIsUnknown: Bool { get }
}
