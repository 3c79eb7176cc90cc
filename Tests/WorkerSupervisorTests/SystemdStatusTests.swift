import ParanoidLinux
import Logging
import Testing

@testable import WorkerSupervisor

@Suite("What a service manager is told")
struct ServiceReportTests {
    private typealias State = SystemdStatus.State

    @Test("ready with the first worker, both ends of a reload, the stop, and each status once")
    func life() {
        var report = SystemdStatus()
        let steps: [(State, [String])] = [
            (State(phase: .running, serving: 0, wanted: 2), ["STATUS=0 of 2 workers serve"]),
            (State(phase: .running, serving: 0, wanted: 2), []),
            (State(phase: .running, serving: 1, wanted: 2), ["READY=1", "STATUS=1 of 2 workers serve"]),
            (State(phase: .running, serving: 2, wanted: 2), ["STATUS=2 of 2 workers serve"]),
            (
                State(phase: .reloading, serving: 2, wanted: 2),
                ["RELOADING=1", "MONOTONIC_USEC=77", "STATUS=reloading: 2 of 2 workers serve"]
            ),
            (State(phase: .reloading, serving: 2, wanted: 2), []),
            (State(phase: .running, serving: 2, wanted: 2), ["READY=1", "STATUS=2 of 2 workers serve"]),
            (State(phase: .stopping, serving: 2, wanted: 2), ["STOPPING=1", "STATUS=stopping: 2 workers finish"]),
            (State(phase: .stopping, serving: 0, wanted: 2), ["STATUS=stopping: 0 workers finish"]),
            (State(phase: .stopping, serving: 0, wanted: 2), []),
        ]
        for (state, lines) in steps { #expect(report.update(state, microseconds: 77) == lines, "\(state)") }
    }

    @Test("what is to be known about the last reload stays in the status while workers serve, and goes with the next")
    func lastReload() {
        var machine = SupervisorStateMachine(SupervisorStateMachineTests.configuration(workers: 1))
        var report = SystemdStatus()
        var lines: [String] = []
        func take(_ event: SupervisorEvent) -> [SupervisorAction] {
            let actions = machine.handle(event, at: .zero)
            lines = report.update(machine.state, microseconds: 1)
            return actions
        }
        _ = machine.start(at: .zero)
        _ = take(.ready(WorkerIdentifier(slot: 0, serial: 0)))
        _ = take(.reload)
        let names = ["PARANOID_LISTEN", "PARANOID_USER"]
        #expect(take(.settingsRead(SettingsReview(needsRestart: names))).contains(.log(.restartNeeded(names))))
        _ = take(.ready(WorkerIdentifier(slot: 0, serial: 1)))
        #expect(machine.state.lastReload == .needsRestart(names))
        #expect(lines == ["READY=1", "STATUS=1 of 1 workers serve; restart for PARANOID_LISTEN, PARANOID_USER"], "\(lines)")
        _ = take(.exited(WorkerIdentifier(slot: 0, serial: 0), .exited(0)))
        _ = take(.reload)
        _ = take(.settingsRefused)
        #expect(lines.last == "STATUS=1 of 1 workers serve; the last reload was refused: PARANOID_ENV_FILE cannot be used")
        _ = take(.reload)
        _ = take(.settingsRead(SettingsReview(unusable: "PARANOID_THREADS")))
        _ = take(.exited(WorkerIdentifier(slot: 0, serial: 2), .exited(78)))
        #expect(lines.last == "STATUS=1 of 1 workers serve; the last reload was refused: PARANOID_THREADS cannot be used")
        _ = take(.reload)
        _ = take(.settingsRead())
        #expect(machine.state.phase == .reloading && machine.state.lastReload == .quiet)
    }

    @Test("a reload whose successors die of something else than a setting was abandoned")
    func abandonedReload() {
        var machine = SupervisorStateMachine(SupervisorStateMachineTests.configuration(workers: 1))
        _ = machine.start(at: .zero)
        _ = machine.handle(.ready(WorkerIdentifier(slot: 0, serial: 0)), at: .zero)
        _ = machine.handle(.reload, at: .zero)
        _ = machine.handle(.settingsRead(SettingsReview(unusable: "PARANOID_THREADS")), at: .zero)
        for serial in 1...9 {
            _ = machine.handle(.exited(WorkerIdentifier(slot: 0, serial: serial), .exited(1)), at: .seconds(10 * serial))
            _ = machine.handle(.timePassed, at: .seconds(10 * serial + 6))
        }
        #expect(machine.state.lastReload == .abandoned && machine.state.phase == .running)
    }

    @Test("a reload that is asked for before anybody serves does not make the service ready")
    func earlyReload() {
        var report = SystemdStatus()
        _ = report.update(State(phase: .reloading, serving: 0, wanted: 1), microseconds: 1)
        #expect(report.update(State(phase: .running, serving: 0, wanted: 1), microseconds: 1) == ["STATUS=0 of 1 workers serve"])
        #expect(report.update(State(phase: .running, serving: 1, wanted: 1), microseconds: 1).first == "READY=1")
    }

    @Test("the state machine says how things are")
    func states() {
        var machine = SupervisorStateMachine(SupervisorStateMachineTests.configuration(workers: 1))
        _ = machine.start(at: .zero)
        #expect(machine.state == State(phase: .running, serving: 0, wanted: 1))
        let first = WorkerIdentifier(slot: 0, serial: 0)
        _ = machine.handle(.ready(first), at: .zero)
        #expect(machine.state == State(phase: .running, serving: 1, wanted: 1))
        _ = machine.handle(.reload, at: .zero)
        #expect(machine.state.phase == .reloading)
        _ = machine.handle(.settingsRefused, at: .zero)
        #expect(machine.state.phase == .running)
        #expect(machine.handle(.reopenLogs, at: .zero) == [.reopenLog, .signal(first, .user1)])
        _ = machine.handle(.stop, at: .zero)
        #expect(machine.state == State(phase: .stopping, serving: 1, wanted: 1, lastReload: .refused("PARANOID_ENV_FILE")))
    }

    @Test(
        "the watchdog hears from us in generation of its time, if it is ours",
        arguments: [
            (["WATCHDOG_USEC": "3000000"], Duration.milliseconds(1500)),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], .milliseconds(1500)),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil), (["WATCHDOG_USEC": "-1"], nil), (["WATCHDOG_USEC": "0"], nil),
            ([:], nil),
        ]
    )
    func watchdog(variables: [String: String], interval: Duration?) {
        var environment = ProcessEnvironment()
        environment["NOTIFY_SOCKET"] = "/nobody"
        for (name, value) in variables { environment[name] = value }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        #expect(SystemdNotifier(environment, process: 7, logger: logger).watchdogInterval == interval)
    }

    @Test("nobody is told without an address that can be one", arguments: ["", "relative", "@", "/" + String(repeating: "x", count: 200)])
    func addresses(path: String) {
        #expect(NotifySocket(path) == nil)
    }
}
