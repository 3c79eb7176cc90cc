/// What is to become of a session that ``SessionStore/modify(_:timeout:_:)`` holds.
public enum SessionChange: Sendable {
    /// Leave it as it is.
    case keep
    /// Replace it; the generation is that of the session seen plus 1.
    case write(StoredSession)
    /// Remove it: the name is free of it at once, also for those who had it open.
    case remove
}
