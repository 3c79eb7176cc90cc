import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Supervisor state machine")
struct SupervisorStateMachineTests {
    static func configuration(workers: Int = 2, earlyExitLimit: Int? = nil) -> SupervisorConfiguration {
        SupervisorConfiguration(
            workers: workers,
            programPath: "/program",
            arguments: ["program"],
            maximumWorkers: 4,
            readinessTimeout: .seconds(10),
            gracePeriod: .seconds(30),
            backoff: RestartBackoff(initialDelay: .milliseconds(100), maximumDelay: .seconds(5), minimumUptime: .seconds(2)),
            earlyExitLimit: earlyExitLimit
        )
    }

    /// An event at a time, and everything that must follow from it.
    struct Step: Sendable {
        var event: SupervisorEvent
        var at: Duration
        var then: [SupervisorAction]

        init(_ event: SupervisorEvent, at seconds: Double = 1, _ then: SupervisorAction...) {
            self.event = event
            self.at = .seconds(seconds)
            self.then = then
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var when: String
        var workers = 2
        var earlyExitLimit: Int?
        /// Whether all workers have become ready first.
        var isServing = true
        var steps: [Step]
        var deadline: Duration?
        var testDescription: String { self.when }
    }

    @Test("reacts", arguments: Self.starting + Self.dying + Self.stopping + Self.reloading + Self.resizing)
    func reacts(_ row: Row) {
        var machine = SupervisorStateMachine(Self.configuration(workers: row.workers, earlyExitLimit: row.earlyExitLimit))
        let started = machine.start(at: .zero)
        #expect(started == (0..<row.workers).map { .spawn(worker($0, $0), slots: row.workers) })
        if row.isServing {
            for slot in 0..<row.workers { _ = machine.handle(.ready(worker(slot, slot)), at: .zero) }
        }
        for step in row.steps {
            #expect(machine.handle(step.event, at: step.at) == step.then, "after \(step.event) at \(step.at)")
        }
        #expect(machine.nextDeadline == row.deadline)
    }

    static let starting = [
        Row(
            when: "a worker becomes ready",
            isServing: false,
            steps: [Step(.ready(worker(0, 0)), .log(.workerReady(worker(0, 0))))],
            deadline: .seconds(10)
        ),
        Row(when: "a worker says twice that it is ready", steps: [Step(.ready(worker(0, 0)))]),
        Row(when: "a stranger says that it is ready", steps: [Step(.ready(worker(0, 9))), Step(.ready(worker(7, 0)))]),
        Row(
            when: "a worker never becomes ready",
            workers: 1,
            isServing: false,
            steps: [
                Step(.timePassed, at: 9.5),
                Step(.timePassed, at: 10, .log(.readinessTimeout(worker(0, 0))), .signal(worker(0, 0), .kill)),
                // Killed, but still there: the pause counts, then a second process is allowed.
                Step(.timePassed, at: 10.0625),
                Step(.timePassed, at: 10.125, .spawn(worker(0, 1), slots: 1)),
                Step(.exited(worker(0, 0), .signalled(9)), at: 10.25, .log(.workerDrained(worker(0, 0), .signalled(9)))),
            ],
            deadline: .seconds(20.125)
        ),
        Row(
            when: "the first worker finds the configuration unusable",
            isServing: false,
            steps: [
                Step(
                    .exited(worker(1, 1), .exited(78)),
                    .log(.configurationRefused(worker(1, 1), exitCode: 78)),
                    .closeListener,
                    .closeHandoffSocket(slot: 0),
                    .closeHandoffSocket(slot: 1),
                    .signal(worker(0, 0), .terminate)
                ),
                Step(.exited(worker(0, 0), .exited(78)), .log(.workerDrained(worker(0, 0), .exited(78))), .finish(exitCode: 78)),
            ]
        ),
        Row(
            when: "the program cannot be executed",
            workers: 1,
            isServing: false,
            steps: [
                Step(
                    .spawnFailed(worker(0, 0)),
                    .log(.workerNotStarted(worker(0, 0), earlyExits: 1, pause: .milliseconds(100))),
                    .log(.gaveUp),
                    .closeListener,
                    .closeHandoffSocket(slot: 0),
                    .finish(exitCode: 71)
                )
            ]
        ),
    ]

    static let dying = [
        Row(
            when: "a worker that lived dies",
            steps: [
                Step(
                    .exited(worker(0, 0), .signalled(9)),
                    at: 60,
                    .log(.workerDied(worker(0, 0), .signalled(9), earlyExits: 0, pause: .zero)),
                    .spawn(worker(0, 2), slots: 2)
                )
            ],
            deadline: .seconds(70)
        ),
        Row(
            when: "a worker dies young, and so does its successor",
            steps: [
                Step(
                    .exited(worker(0, 0), .signalled(4)),
                    .log(.workerDied(worker(0, 0), .signalled(4), earlyExits: 1, pause: .milliseconds(100)))
                ),
                Step(.timePassed, at: 1.0625),
                Step(.timePassed, at: 1.125, .spawn(worker(0, 2), slots: 2)),
                Step(
                    .exited(worker(0, 2), .exited(1)),
                    at: 1.25,
                    .log(.workerDied(worker(0, 2), .exited(1), earlyExits: 2, pause: .milliseconds(200)))
                ),
            ],
            deadline: .milliseconds(1_450)
        ),
        Row(
            when: "a worker cannot be replaced for want of processes",
            steps: [
                Step(
                    .exited(worker(0, 0), .exited(0)),
                    at: 60,
                    .log(.workerDied(worker(0, 0), .exited(0), earlyExits: 0, pause: .zero)),
                    .spawn(worker(0, 2), slots: 2)
                ),
                Step(.spawnFailed(worker(0, 2)), at: 60, .log(.workerNotStarted(worker(0, 2), earlyExits: 1, pause: .milliseconds(100)))),
            ],
            deadline: .milliseconds(60_100)
        ),
        Row(
            when: "one slot crashes beyond the limit while another serves",
            earlyExitLimit: 1,
            steps: [
                Step(
                    .exited(worker(0, 0), .exited(1)),
                    .log(.workerDied(worker(0, 0), .exited(1), earlyExits: 1, pause: .milliseconds(100)))
                )
            ],
            deadline: .milliseconds(1_100)
        ),
        Row(
            when: "the limit is reached and nobody serves",
            workers: 1,
            earlyExitLimit: 1,
            steps: [
                Step(
                    .exited(worker(0, 0), .exited(1)),
                    .log(.workerDied(worker(0, 0), .exited(1), earlyExits: 1, pause: .milliseconds(100))),
                    .log(.gaveUp),
                    .closeListener,
                    .closeHandoffSocket(slot: 0),
                    .finish(exitCode: 70)
                )
            ]
        ),
        Row(
            when: "a worker refuses the configuration after others have served",
            steps: [
                Step(
                    .exited(worker(0, 0), .exited(0)),
                    at: 60,
                    .log(.workerDied(worker(0, 0), .exited(0), earlyExits: 0, pause: .zero)),
                    .spawn(worker(0, 2), slots: 2)
                ),
                Step(
                    .exited(worker(0, 2), .exited(78)),
                    at: 61,
                    .log(.workerDied(worker(0, 2), .exited(78), earlyExits: 1, pause: .milliseconds(100)))
                ),
            ],
            deadline: .milliseconds(61_100)
        ),
    ]

    static let stopping = [
        Row(
            when: "it is told to stop",
            steps: [
                Step(
                    .stop,
                    .log(.stopping),
                    .closeListener,
                    .closeHandoffSocket(slot: 0),
                    .closeHandoffSocket(slot: 1),
                    .signal(worker(0, 0), .terminate),
                    .signal(worker(1, 1), .terminate)
                ),
                Step(.stop, at: 2),
                Step(.exited(worker(1, 1), .exited(0)), at: 3, .log(.workerDrained(worker(1, 1), .exited(0)))),
                Step(.timePassed, at: 31, .log(.graceExpired(worker(0, 0))), .signal(worker(0, 0), .kill)),
                Step(
                    .exited(worker(0, 0), .signalled(9)),
                    at: 32,
                    .log(.workerDrained(worker(0, 0), .signalled(9))),
                    .finish(exitCode: 0)
                ),
                Step(.stop, at: 33),
                Step(.reload, at: 33),
            ]
        ),
        Row(
            when: "it is told to stop at once",
            workers: 1,
            steps: [
                Step(
                    .stopNow,
                    .log(.stoppingNow),
                    .closeListener,
                    .closeHandoffSocket(slot: 0),
                    .signal(worker(0, 0), .terminate),
                    .signal(worker(0, 0), .kill)
                ),
                Step(.exited(worker(0, 0), .signalled(9)), .log(.workerDrained(worker(0, 0), .signalled(9))), .finish(exitCode: 0)),
            ]
        ),
        Row(
            when: "timeout ends while it stops",
            workers: 1,
            steps: [
                Step(.stop, .log(.stopping), .closeListener, .closeHandoffSocket(slot: 0), .signal(worker(0, 0), .terminate)),
                Step(.stopNow, at: 2, .signal(worker(0, 0), .kill)),
                Step(.stopNow, at: 2),
            ]
        ),
        Row(
            when: "it stops while a slot waits for its pause to end",
            workers: 1,
            steps: [
                Step(
                    .exited(worker(0, 0), .exited(1)),
                    .log(.workerDied(worker(0, 0), .exited(1), earlyExits: 1, pause: .milliseconds(100)))
                ),
                Step(.stop, .log(.stopping), .closeListener, .closeHandoffSocket(slot: 0), .finish(exitCode: 0)),
                Step(.timePassed, at: 9),
            ]
        ),
        Row(
            when: "logs are to be reopened",
            steps: [Step(.reopenLogs, .reopenLog, .signal(worker(0, 0), .user1), .signal(worker(1, 1), .user1))]
        ),
    ]
}

/// Short for a worker's name in a table.
func worker(_ slot: Int, _ serial: Int) -> WorkerIdentifier {
    WorkerIdentifier(slot: slot, serial: serial)
}
