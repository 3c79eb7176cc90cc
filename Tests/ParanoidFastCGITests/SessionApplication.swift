import ParanoidFastCGI
import ParanoidFastCGITesting

/// An application in a directory of its own, which goes with this value, and with a clock that the test moves.
struct SessionApplication {
    let directory: TemporaryDirectory
    let time = ManualClock()
    let app: Application

    init(_ change: (inout ApplicationConfiguration) -> Void = { _ in }) throws {
        self.directory = try TemporaryDirectory()
        var configuration = ApplicationConfiguration(stateDirectory: self.directory.path)
        change(&configuration)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        self.app = try Application(configuration: configuration, logger: logger, clock: self.time)
    }

    func client() -> SessionClient { SessionClient(self.app) }
}
