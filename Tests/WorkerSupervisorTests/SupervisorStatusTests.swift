import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("What a supervisor says of its workers")
struct SupervisorStatusTests {
    private static let worker = WorkerIdentifier(slot: 1, serial: 7)

    @Test(
        "the last end in a place says why the supervisor wanted it, where it did",
        arguments: [
            (.heartbeatMissed(Self.worker, silence: .seconds(9)), "stuck, SIGKILL", 1),
            (.memoryExceeded(Self.worker, bytes: 1), "too much memory, SIGKILL", 0),
            (.graceExpired(Self.worker), "not finished in time, SIGKILL", 0),
            (.readinessTimeout(Self.worker), "not ready in time, SIGKILL", 0),
            (.workerDied(Self.worker, .signalled(9), earlyExits: 0, pause: .zero), "SIGKILL", 1),
        ] as [(SupervisorLogEvent, String, Int)]
    )
    func ends(_ event: SupervisorLogEvent, _ text: String, _ deaths: Int) {
        let status = SupervisorStatus()
        status.count(event)
        status.noteEnd(of: Self.worker, .signalled(9), at: 5)
        #expect(status.snapshot.exits[1]?.status == text && status.snapshot.exits[1]?.at == 5)
        #expect(status.snapshot.deaths == deaths)
        // The reason was that worker's, not its successor's.
        let next = WorkerIdentifier(slot: 1, serial: 8)
        status.noteEnd(of: next, .exited(0), at: 6)
        #expect(status.snapshot.exits[1]?.status == "exit status 0")
    }
}
