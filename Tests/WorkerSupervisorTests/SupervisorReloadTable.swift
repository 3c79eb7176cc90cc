import ParanoidLinux

@testable import WorkerSupervisor

extension SupervisorStateMachineTests {
    static let reloading = [
        Row(
            when: "it reloads, one slot at a time, the successor first",
            steps: [
                Step(.reload, .readSettings),
                Step(.settingsRead(), .log(.reloadBegun), .spawn(worker(0, 2), slots: 2)),
                Step(
                    .ready(worker(0, 2)),
                    at: 2,
                    .log(.workerReady(worker(0, 2))),
                    .signal(worker(0, 0), .terminate),
                    .spawn(worker(1, 3), slots: 2)
                ),
                Step(
                    .ready(worker(1, 3)),
                    at: 3,
                    .log(.workerReady(worker(1, 3))),
                    .signal(worker(1, 1), .terminate),
                    .log(.reloadFinished)
                ),
                Step(.exited(worker(0, 0), .exited(0)), at: 4, .log(.workerDrained(worker(0, 0), .exited(0)))),
                Step(.exited(worker(1, 1), .exited(0)), at: 5, .log(.workerDrained(worker(1, 1), .exited(0)))),
            ]
        ),
        Row(when: "the new settings are unusable", steps: [Step(.reload, .readSettings), Step(.settingsRefused, .log(.reloadAbandoned))]),
        Row(when: "nobody asked for settings", steps: [Step(.settingsRead()), Step(.settingsRefused)]),
        Row(
            when: "the new program refuses its configuration",
            workers: 1,
            steps: [
                Step(.reload, .readSettings),
                Step(.settingsRead(), .log(.reloadBegun), .spawn(worker(0, 1), slots: 1)),
                Step(
                    .exited(worker(0, 1), .exited(78)),
                    at: 2,
                    .log(.workerDied(worker(0, 1), .exited(78), earlyExits: 1, pause: .milliseconds(100))),
                    .log(.reloadAbandoned)
                ),
                Step(.timePassed, at: 3),
            ]
        ),
        Row(
            when: "the new program keeps crashing at its start",
            workers: 1,
            steps: [
                Step(.reload, .readSettings),
                Step(.settingsRead(), .log(.reloadBegun), .spawn(worker(0, 1), slots: 1)),
                Step(
                    .exited(worker(0, 1), .exited(1)),
                    at: 2,
                    .log(.workerDied(worker(0, 1), .exited(1), earlyExits: 1, pause: .milliseconds(100)))
                ),
                Step(.timePassed, at: 2.125, .spawn(worker(0, 2), slots: 1)),
                Step(
                    .exited(worker(0, 2), .exited(1)),
                    at: 3,
                    .log(.workerDied(worker(0, 2), .exited(1), earlyExits: 2, pause: .milliseconds(200)))
                ),
                Step(.timePassed, at: 3.25, .spawn(worker(0, 3), slots: 1)),
                Step(
                    .exited(worker(0, 3), .exited(1)),
                    at: 4,
                    .log(.workerDied(worker(0, 3), .exited(1), earlyExits: 3, pause: .milliseconds(400))),
                    .log(.reloadAbandoned)
                ),
                Step(.timePassed, at: 5),
            ]
        ),
        Row(
            when: "a second reload overtakes the first",
            workers: 1,
            steps: [
                Step(.reload, .readSettings),
                Step(.settingsRead(), .log(.reloadBegun), .spawn(worker(0, 1), slots: 1)),
                Step(.reload, .readSettings),
                Step(.settingsRead(), .log(.reloadBegun)),
                Step(.ready(worker(0, 1)), at: 2, .log(.workerReady(worker(0, 1))), .signal(worker(0, 0), .terminate)),
                Step(
                    .exited(worker(0, 0), .exited(0)),
                    at: 3,
                    .log(.workerDrained(worker(0, 0), .exited(0))),
                    .spawn(worker(0, 2), slots: 1)
                ),
                Step(
                    .ready(worker(0, 2)),
                    at: 4,
                    .log(.workerReady(worker(0, 2))),
                    .signal(worker(0, 1), .terminate),
                    .log(.reloadFinished)
                ),
            ],
            deadline: .seconds(34)
        ),
        Row(
            when: "the old worker dies while its successor starts",
            workers: 1,
            steps: [
                Step(.reload, .readSettings),
                Step(.settingsRead(), at: 5, .log(.reloadBegun), .spawn(worker(0, 1), slots: 1)),
                Step(
                    .exited(worker(0, 0), .signalled(9)),
                    at: 6,
                    .log(.workerDied(worker(0, 0), .signalled(9), earlyExits: 0, pause: .zero)),
                    .log(.reloadFinished)
                ),
                Step(.ready(worker(0, 1)), at: 7, .log(.workerReady(worker(0, 1)))),
            ]
        ),
        Row(
            when: "a worker asks for a successor",
            steps: [
                Step(.replacementRequested(worker(1, 1)), .log(.replacementRequested(worker(1, 1))), .spawn(worker(1, 2), slots: 2)),
                Step(.ready(worker(1, 2)), at: 2, .log(.workerReady(worker(1, 2))), .signal(worker(1, 1), .terminate)),
                Step(.exited(worker(1, 1), .exited(0)), at: 3, .log(.workerDrained(worker(1, 1), .exited(0)))),
            ]
        ),
        Row(
            when: "two workers ask for successors",
            steps: [
                Step(.replacementRequested(worker(1, 1)), .log(.replacementRequested(worker(1, 1))), .spawn(worker(1, 2), slots: 2)),
                Step(.replacementRequested(worker(0, 0)), .log(.replacementRequested(worker(0, 0)))),
                Step(
                    .ready(worker(1, 2)),
                    at: 2,
                    .log(.workerReady(worker(1, 2))),
                    .signal(worker(1, 1), .terminate),
                    .spawn(worker(0, 3), slots: 2)
                ),
            ],
            deadline: .seconds(12)
        ),
    ]
}
