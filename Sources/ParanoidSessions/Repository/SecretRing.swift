internal import Synchronization

/// The server's secrets as they were at the start, and those that turn up while the process runs.
///
/// A secret that was added later may already have named a session that another, newer worker made: its identifier is met here first. So a
/// number that is not known has the secrets read again, at most once a second, as anybody can make numbers up.
final class SecretRing: Sendable {
    private struct Later {
        var keys: [UInt8: ServerKeys] = [:]
        var lookedAt: ContinuousClock.Instant?
    }

    private let secrets: ServerSecrets
    private let reload: (@Sendable () -> ServerSecrets?)?
    private let later = Mutex(Later())

    init(_ secrets: ServerSecrets, reload: (@Sendable () -> ServerSecrets?)?) {
        self.secrets = secrets
        self.reload = reload
    }

    /// The keys of new sessions.
    var newest: ServerKeys { self.secrets.newest }

    /// The keys of all secrets known.
    var all: [ServerKeys] { self.secrets.all + self.later.withLock { $0.keys.values.sorted { $0.number < $1.number } } }

    /// The keys of one secret; `nil` when the server does not have it.
    func keys(number: UInt8) -> ServerKeys? {
        if let keys = self.secrets.keys(number: number) { return keys }
        guard let reload = self.reload else { return nil }
        let isDue = self.later.withLock { later in
            if later.keys[number] != nil { return false }
            if let last = later.lookedAt, last.duration(to: .now) < .seconds(1) { return false }
            later.lookedAt = .now
            return true
        }
        if isDue, let secrets = reload() {
            self.later.withLock { later in
                for keys in secrets.all where self.secrets.keys(number: keys.number) == nil { later.keys[keys.number] = keys }
            }
        }
        return self.later.withLock { $0.keys[number] }
    }
}
