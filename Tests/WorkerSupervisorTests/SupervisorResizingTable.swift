import ParanoidLinux

@testable import WorkerSupervisor

extension SupervisorStateMachineTests {
    static let resizing = [
        Row(
            when: "one worker more is wanted",
            steps: [Step(.addWorker, .log(.workersWanted(3)), .spawn(worker(2, 2), slots: 3))],
            deadline: .seconds(11)
        ),
        Row(
            when: "one worker less is wanted",
            steps: [
                Step(.removeWorker, .log(.workersWanted(1)), .closeHandoffSocket(slot: 1), .signal(worker(1, 1), .terminate)),
                Step(.exited(worker(1, 1), .exited(0)), at: 2, .log(.workerDrained(worker(1, 1), .exited(0)))),
                Step(.removeWorker, at: 3),
            ]
        ),
        Row(
            when: "a worker is wanted again while it drains",
            steps: [
                Step(.removeWorker, .log(.workersWanted(1)), .closeHandoffSocket(slot: 1), .signal(worker(1, 1), .terminate)),
                Step(.addWorker, at: 2, .log(.workersWanted(2)), .spawn(worker(1, 2), slots: 2)),
                Step(.removeWorker, at: 3, .log(.workersWanted(1)), .closeHandoffSocket(slot: 1), .signal(worker(1, 2), .terminate)),
                // Two are still there, so the third has to wait.
                Step(.addWorker, at: 4, .log(.workersWanted(2))),
                Step(
                    .exited(worker(1, 1), .exited(0)),
                    at: 5,
                    .log(.workerDrained(worker(1, 1), .exited(0))),
                    .spawn(worker(1, 3), slots: 2)
                ),
            ],
            deadline: .seconds(15)
        ),
        Row(
            when: "more workers are wanted than allowed",
            workers: 4,
            steps: [Step(.addWorker)]
        ),
    ]
}
