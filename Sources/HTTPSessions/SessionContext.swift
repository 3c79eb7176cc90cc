internal import HTTPHandling
internal import SessionSecurity
internal import SessionStorage

/// What all requests share.
struct SessionContext: Sendable {
    let repository: SessionRepository
    let configuration: HTTPSessionsConfiguration
    let clock: any SessionClock
    let sessionGuard: SessionGuard
    let cookies: SessionCookies
    let statistics = SessionStatistics()

    init(repository: SessionRepository, configuration: HTTPSessionsConfiguration, clock: any SessionClock) {
        self.repository = repository
        self.configuration = configuration
        self.clock = clock
        self.sessionGuard = SessionGuard(settings: configuration.guardSettings)
        self.cookies = SessionCookies(configuration: configuration.cookies, checkedParameters: configuration.checkedParameters)
    }

    /// Whether the guard checks a request.
    func isChecked(_ request: Request) -> Bool {
        for prefix in self.configuration.uncheckedPathPrefixes where request.path.utf8.starts(with: prefix.utf8) { return false }
        return self.configuration.checks(request)
    }
}
