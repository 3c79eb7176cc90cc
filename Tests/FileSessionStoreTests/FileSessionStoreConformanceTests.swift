import FileSessionStore
import Logging
import ParanoidFastCGITesting
import ParanoidSessions
import Testing

@Suite("Store conformance")
struct FileSessionStoreConformanceTests {
    @Test("the file store keeps every promise", arguments: SessionStoreConformance.Check.allCases)
    func files(_ check: SessionStoreConformance.Check) async throws {
        let directory = try TemporaryDirectory()
        let configuration = FileSessionStoreConfiguration(directory: "\(directory.path)/sessions")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await SessionStoreConformance { try FileSessionStore(configuration: configuration, logger: logger) }.run(check)
    }

    @Test("the file store keeps every promise with almost no files kept open", arguments: SessionStoreConformance.Check.allCases)
    func fewFiles(_ check: SessionStoreConformance.Check) async throws {
        let directory = try TemporaryDirectory()
        let configuration = FileSessionStoreConfiguration(
            directory: "\(directory.path)/sessions",
            durability: .power,
            maximumOpenFiles: 1
        )
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await SessionStoreConformance { try FileSessionStore(configuration: configuration, logger: logger) }.run(check)
    }

    @Test("the memory store keeps every promise", arguments: SessionStoreConformance.Check.allCases)
    func memory(_ check: SessionStoreConformance.Check) async throws {
        let store = MemorySessionStore()
        try await SessionStoreConformance { store }.run(check)
    }
}
