internal import ParanoidHTTP
internal import Synchronization

/// What all requests share.
final class SessionContext: Sendable {
    let repository: SessionRepository
    let configuration: HTTPSessionsConfiguration
    let clock: any SessionClock
    let sessionGuard: SessionGuard
    let cookies: SessionCookies
    let statistics = SessionStatistics()
    let events: SessionEvents
    private let guesses = Mutex(GuessDetector())

    init(repository: SessionRepository, configuration: HTTPSessionsConfiguration, clock: any SessionClock) {
        self.repository = repository
        self.configuration = configuration
        self.clock = clock
        self.sessionGuard = SessionGuard(settings: configuration.guardSettings)
        self.cookies = SessionCookies(configuration: configuration)
        self.events = SessionEvents(configuration: configuration, statistics: self.statistics)
    }

    /// Notes an identifier that names nothing; what it returns is worth an alarm.
    func noteGuess(from address: String, at now: Timestamp) -> Int? {
        let network = self.configuration.network(address)
        return self.guesses.withLock { $0.note(network, at: now) }
    }

    /// What becomes of a session that two parties hold: it ends, or waits for the application.
    func change(onReuseOf opened: SessionRepository.Opened?, at now: Timestamp) -> SessionRepository.Change {
        let settings = self.configuration.guardSettings
        guard settings.reuse == .challenge, var record = opened?.record else { return .remove }
        record.tracking?.isSuspended = true
        return .write(record, expiresAt: settings.expiry(of: record, at: now))
    }

    /// Whether the guard checks a request.
    func isChecked(_ request: Request) -> Bool {
        for prefix in self.configuration.uncheckedPathPrefixes where request.path.utf8.starts(with: prefix.utf8) { return false }
        return self.configuration.checks(request)
    }
}
