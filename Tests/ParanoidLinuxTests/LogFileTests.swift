import Glibc
import ParanoidLinux
import Testing

@Suite("A log file")
struct LogFileTests {
    @Test("that is a pipe without a reader is an error, and nothing waits for a reader", .timeLimit(.minutes(1)))
    func pipeWithoutReader() throws {
        let path = try ScratchDirectory.make(in: "/tmp")
        defer { ScratchDirectory.removeTree(at: path) }
        #expect(unsafe mkfifo("\(path)/log", 0o600) == 0)
        let error = #expect(throws: SystemCallError.self) { try LogFile("\(path)/log").openAsStandardError() }
        #expect(error?.code == ENXIO)
    }
}
