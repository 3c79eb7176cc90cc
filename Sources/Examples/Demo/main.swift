import ParanoidFastCGI

// The demo: every feature on one page or one line of curl. The list below is the table of contents.

var configuration = ApplicationConfiguration.fromEnvironment()
// The network between a demo and its visitor is short, and nobody likes to wait for a thief.
if configuration.environment["PSESSION_DELAY_BOUND"] == nil { configuration.sessions.guardSettings.delayBound = .seconds(2) }
// Not HTTPS for two years: a browser would hold every server on this host to it.
configuration.securityHeaders = SecurityHeaders.recommended.removing(.strictTransportSecurity)
let app = try Application(configuration: configuration)

HomePage.register(
    on: app,
    settings: app.configuration.sessions,
    httpsPort: configuration.environment["DEMO_HTTPS_PORT"].flatMap { Int($0) }
)
HelloPage.register(on: app)
SessionPages.register(on: app)
ValuesPages.register(on: app)
AccountPages.register(on: app)
ProtectedPages.register(on: app)
DevicesPage.register(on: app)
EchoPage.register(on: app)
ParametersPage.register(on: app)
SlowPage.register(on: app)
FailurePages.register(on: app, allowsCrash: app.configuration.environment["DEMO_ALLOW_CRASH"] == "1")
WorkerPage.register(on: app)
StealPage.register(on: app)
SimulatePage.register(on: app, settings: app.configuration.sessions.guardSettings)

try await app.run()
