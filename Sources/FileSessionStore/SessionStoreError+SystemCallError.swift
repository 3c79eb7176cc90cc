internal import ParanoidLinux
internal import ParanoidSessions

extension SessionStoreError {
    /// Maps what the system said; the only place where `errno` becomes a code.
    init(_ error: SystemCallError, _ action: String) {
        if error.isOutOfSpace {
            self.init(.full, message: "\(action): no space is left", cause: error)
        } else if error.isWrongKind {
            self.init(.refused, message: "\(action): it is not a session file of this user", cause: error)
        } else {
            self.init(.unavailable, message: "\(action) failed", cause: error)
        }
    }
}
