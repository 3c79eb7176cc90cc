import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Workers that live and should be replaced")
struct SupervisorHealthTests {
    private typealias Step = SupervisorStateMachineTests.Step

    private static let first = WorkerIdentifier(slot: 0, serial: 0)
    private static let second = WorkerIdentifier(slot: 0, serial: 1)

    private func machine(_ change: (inout SupervisorConfiguration) -> Void) -> SupervisorStateMachine {
        var configuration = SupervisorStateMachineTests.configuration(workers: 1)
        configuration.observationInterval = .seconds(1)
        change(&configuration)
        var machine = SupervisorStateMachine(configuration)
        _ = machine.start(at: .zero)
        _ = machine.handle(.ready(Self.first), at: .zero)
        return machine
    }

    private func observed(_ heartbeat: UInt64, bytes: Int? = nil) -> SupervisorEvent {
        .observed(Self.first, WorkerHealth(heartbeat: heartbeat, residentBytes: bytes))
    }

    private func expect(_ steps: [Step], of machine: inout SupervisorStateMachine) {
        for step in steps { #expect(machine.handle(step.event, at: step.at) == step.then, "after \(step.event) at \(step.at)") }
    }

    @Test("one whose heartbeat stands still is aborted, its place filled at once, and killed when it does not die")
    func stuck() {
        var machine = self.machine { $0.heartbeatTimeout = .seconds(3) }
        self.expect(
            [
                Step(self.observed(7), at: 1),
                Step(self.observed(8), at: 2),
                Step(self.observed(8), at: 3),
                Step(self.observed(8), at: 4),
                Step(
                    self.observed(8),
                    at: 5,
                    .log(.heartbeatMissed(Self.first, silence: .seconds(3))),
                    .signal(Self.first, .abort),
                    .spawn(Self.second, slots: 1)
                ),
                Step(.ready(Self.second), at: 6, .log(.workerReady(Self.second))),
                Step(self.observed(8), at: 6.5),
                // The runtime's crash report has taken the first one and let the process go on.
                Step(.timePassed, at: 7, .signal(Self.first, .abort)),
                Step(.timePassed, at: 8),
                Step(.timePassed, at: 10, .log(.abortIgnored(Self.first)), .signal(Self.first, .kill)),
                Step(.exited(Self.first, .signalled(9)), at: 11, .log(.workerDrained(Self.first, .signalled(9)))),
            ],
            of: &machine
        )
        #expect(machine.nextDeadline == nil)
    }

    @Test("the time in which one writes its crash report makes it no older")
    func crashReport() {
        for (heartbeats, pause) in [([7, 7, 7], Duration.milliseconds(100)), ([7, 8, 9], .zero)] as [([UInt64], Duration)] {
            var machine = self.machine { $0.heartbeatTimeout = .seconds(30) }
            for (index, heartbeat) in heartbeats.enumerated() { _ = machine.handle(self.observed(heartbeat), at: .seconds(index + 1)) }
            let actions = machine.handle(.exited(Self.first, .signalled(4)), at: .seconds(3.5))
            let deaths = pause == .zero ? 0 : 1
            #expect(actions.first == .log(.workerDied(Self.first, .signalled(4), earlyExits: deaths, pause: pause)))
        }
    }

    @Test("nobody is to blame for the time in which the supervisor did not run")
    func suspension() {
        var machine = self.machine { $0.heartbeatTimeout = .seconds(3) }
        self.expect(
            [Step(self.observed(7), at: 1), Step(self.observed(7), at: 3_600), Step(self.observed(8), at: 3_601)],
            of: &machine
        )
    }

    @Test("without a time-out the heartbeat may stand still for ever")
    func unwatched() {
        var machine = self.machine { _ in }
        self.expect((1...100).map { Step(self.observed(0), at: Double($0)) }, of: &machine)
    }

    @Test("one that grows beyond its memory is drained when its successor serves")
    func memory() {
        var machine = self.machine { $0.memoryLimit = 1_000 }
        self.expect(
            [
                Step(self.observed(1, bytes: 1_000), at: 1),
                Step(self.observed(2), at: 2),
                Step(
                    self.observed(3, bytes: 1_001),
                    at: 3,
                    .log(.memoryExceeded(Self.first, bytes: 1_001)),
                    .spawn(Self.second, slots: 1)
                ),
                Step(self.observed(4, bytes: 1_002), at: 4),
                Step(.ready(Self.second), at: 5, .log(.workerReady(Self.second)), .signal(Self.first, .terminate)),
                Step(self.observed(4, bytes: 1_002), at: 6),
            ],
            of: &machine
        )
    }

    @Test("one whose successors fail is left alone for a while")
    func failingSuccessors() {
        var machine = self.machine {
            $0.memoryLimit = 1_000
            $0.reloadAttempts = 1
            $0.recyclingPause = .seconds(60)
        }
        self.expect(
            [
                Step(
                    self.observed(3, bytes: 2_000),
                    at: 3,
                    .log(.memoryExceeded(Self.first, bytes: 2_000)),
                    .spawn(Self.second, slots: 1)
                ),
                Step(
                    .exited(Self.second, .exited(1)),
                    at: 4,
                    .log(.workerDied(Self.second, .exited(1), earlyExits: 1, pause: .milliseconds(100))),
                    .log(.reloadAbandoned)
                ),
                Step(self.observed(4, bytes: 2_000), at: 5),
                Step(
                    self.observed(5, bytes: 2_000),
                    at: 65,
                    .log(.memoryExceeded(Self.first, bytes: 2_000)),
                    .spawn(WorkerIdentifier(slot: 0, serial: 2), slots: 1)
                ),
            ],
            of: &machine
        )
    }

    @Test("one that drains or stops is not looked at any more")
    func draining() {
        var machine = self.machine {
            $0.heartbeatTimeout = .seconds(1)
            $0.memoryLimit = 1
        }
        _ = machine.handle(.stop, at: .seconds(1))
        self.expect([Step(self.observed(0, bytes: 2), at: 2), Step(self.observed(0, bytes: 2), at: 9)], of: &machine)
    }
}
