/// How a caller waited for a session that another held.
package struct LockWait: Sendable, Hashable {
    /// How a wait ends.
    package enum End: Sendable, Hashable {
        case locked
        /// The timeout ran out, too many waited already, or the file could not be locked.
        case gaveUp
    }

    package let duration: Duration
    package let end: End
}
