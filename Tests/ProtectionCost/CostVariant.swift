internal import ParanoidSessions
internal import ParanoidLinux

/// One way to run the sessions.
struct CostVariant: Sendable {
    /// What the handler does with its session.
    enum Use: Sendable {
        case nothing
        case read
        case write
    }

    /// What the row is called; the row without a name of a protection is the one it is compared with.
    var name: String
    var use: Use
    /// The seconds of virtual time between two requests of a session.
    var pause = 1.0
    var isSecure = true
    var keepsFiles = true
    var sessions = SessionSettings()
    var repository = SessionRepositoryConfiguration()

    init(_ name: String, _ use: Use, _ change: (inout CostVariant) -> Void = { _ in }) {
        self.name = name
        self.use = use
        change(&self)
    }

    /// Sessions that have no second key, as they never saw HTTPS.
    private mutating func goOverPlainHTTP() {
        self.isSecure = false
        self.sessions.guardSettings.isHTTPSOnly = false
        self.sessions.cookies.prefix = .none
        self.sessions.cookies.isSecure = false
    }

    /// Everything on; one protection off at a time; everything off.
    static func all(_ use: Use) -> [CostVariant] {
        [
            CostVariant("everything on", use),
            CostVariant("without signals", use) { $0.sessions.signals = [] },
            CostVariant("without nonces", use) { $0.sessions.guardSettings.nonceTimeout = nil },
            CostVariant("without second key", use) { $0.goOverPlainHTTP() },
            CostVariant("without sealing", use) { $0.repository.protection = .none },
            CostVariant("everything off", use) {
                $0.sessions.signals = []
                $0.sessions.guardSettings.nonceTimeout = nil
                $0.goOverPlainHTTP()
                $0.repository.protection = .none
            },
        ]
    }

    /// What does not come with every request, or is no protection.
    static let others = [
        CostVariant("no session asked for", .nothing),
        CostVariant("every answer rotates the nonce", .read) { $0.pause = 20 },
        CostVariant("every answer rotates nonce and identifier", .read) {
            $0.pause = 20
            $0.sessions.guardSettings.identifierTimeout = .seconds(1)
        },
        CostVariant("with the exact comparison of the Django package as well", .read) {
            $0.sessions.checkedParameters = SessionSettings(profile: .compatible).checkedParameters
        },
        CostVariant("profile balanced", .read) { $0.sessions.apply(.balanced) },
        CostVariant("profile compatible", .read) { $0.sessions.apply(.compatible) },
        CostVariant("records in memory", .read) { $0.keepsFiles = false },
        CostVariant("records in memory", .write) { $0.keepsFiles = false },
    ]
}
