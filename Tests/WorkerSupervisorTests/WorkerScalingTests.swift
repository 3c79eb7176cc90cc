import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("Number of workers")
struct WorkerScalingTests {
    private static let rules = WorkerScaling.Rules(minimum: 2, maximum: 4, calmPeriod: .seconds(10))

    /// One sample: at which second, the load in percent (`nil`: no sample), workers and those that serve, and what follows.
    private struct Step {
        let at: Double
        let load: UInt64?
        let workers: Int
        var serving: Int?
        let then: Int?
    }

    private func expect(_ steps: [Step]) {
        var scaling = WorkerScaling(Self.rules)
        for step in steps {
            let sample = WorkerScaling.LoadSample(demand: step.load ?? 0, capacity: step.load == nil ? 0 : 100)
            let then = scaling.workers(after: sample, workers: step.workers, serving: step.serving ?? step.workers, at: .seconds(step.at))
            #expect(then == step.then, "at \(step.at)")
        }
    }

    @Test("grows by one after two busy samples in a row, up to the most")
    func growth() {
        self.expect([
            Step(at: 1, load: 80, workers: 2, then: nil), Step(at: 2, load: 79, workers: 2, then: nil),
            Step(at: 3, load: 100, workers: 2, then: nil), Step(at: 4, load: 300, workers: 2, then: 3),
            Step(at: 5, load: 100, workers: 3, serving: 2, then: nil), Step(at: 6, load: 100, workers: 3, serving: 2, then: nil),
            Step(at: 7, load: 100, workers: 3, then: nil), Step(at: 8, load: 100, workers: 3, then: 4),
            Step(at: 9, load: 100, workers: 4, then: nil), Step(at: 10, load: 100, workers: 4, then: nil),
            Step(at: 11, load: 100, workers: 4, then: nil),
        ])
    }

    @Test("shrinks by one after a long calm, down to the fewest")
    func shrinking() {
        self.expect([
            // 4 workers at 37 % would be 3 at 49 %.
            Step(at: 1, load: 37, workers: 4, then: nil), Step(at: 10, load: 37, workers: 4, then: nil),
            Step(at: 11, load: 37, workers: 4, then: 3), Step(at: 12, load: 0, workers: 3, then: nil),
            Step(at: 21, load: 0, workers: 3, then: nil), Step(at: 22, load: 0, workers: 3, then: 2),
            Step(at: 23, load: 0, workers: 2, then: nil), Step(at: 99, load: 0, workers: 2, then: nil),
        ])
    }

    @Test("a single sample that is not calm, a worker that is coming, or no sample begin the calm anew")
    func interruptions() {
        for interruption in [
            Step(at: 9, load: 60, workers: 3, then: nil), Step(at: 9, load: 0, workers: 3, serving: 2, then: nil),
            Step(at: 9, load: nil, workers: 3, then: nil),
        ] {
            self.expect([
                Step(at: 1, load: 0, workers: 3, then: nil), interruption, Step(at: 12, load: 0, workers: 3, then: nil),
                Step(at: 21, load: 0, workers: 3, then: nil), Step(at: 22, load: 0, workers: 3, then: 2),
            ])
        }
    }

    @Test("does not swing: no load that one more worker makes calm is busy")
    func hysteresis() {
        for workers in 2..<4 {
            for percent in 80...100 {
                // The same work spread over one worker more.
                let spread = UInt64(percent * workers / (workers + 1))
                self.expect([
                    Step(at: 1, load: spread, workers: workers + 1, then: nil),
                    Step(at: 100, load: spread, workers: workers + 1, then: nil),
                ])
            }
        }
    }

    @Test("the state machine starts and drains workers as it says, and not during a reload")
    func machine() {
        var configuration = SupervisorStateMachineTests.configuration(workers: 1)
        configuration.scaling = WorkerScaling.Rules(minimum: 1, maximum: 2, busySamples: 1, calmPeriod: .seconds(5))
        var machine = SupervisorStateMachine(configuration)
        _ = machine.start(at: .zero)
        let first = WorkerIdentifier(slot: 0, serial: 0)
        let second = WorkerIdentifier(slot: 1, serial: 1)
        let busy = SupervisorEvent.loadSampled(WorkerScaling.LoadSample(demand: 9, capacity: 10))
        let idle = SupervisorEvent.loadSampled(WorkerScaling.LoadSample(demand: 0, capacity: 10))
        #expect(machine.handle(busy, at: .seconds(1)).isEmpty, "the first is not ready yet")
        _ = machine.handle(.ready(first), at: .seconds(1))
        _ = machine.handle(.reload, at: .seconds(1))
        #expect(machine.handle(busy, at: .seconds(2)).isEmpty)
        _ = machine.handle(.settingsRefused, at: .seconds(2))
        #expect(machine.handle(busy, at: .seconds(3)) == [.log(.workersWanted(2)), .spawn(second, slots: 2)])
        _ = machine.handle(.ready(second), at: .seconds(4))
        #expect(machine.handle(idle, at: .seconds(5)).isEmpty)
        #expect(
            machine.handle(idle, at: .seconds(10)) == [.log(.workersWanted(1)), .closeHandoffSocket(slot: 1), .signal(second, .terminate)]
        )
    }

    @Test("numbers outside the bounds are brought inside at once")
    func bounds() {
        self.expect([Step(at: 1, load: nil, workers: 1, then: 2), Step(at: 2, load: nil, workers: 9, then: 4)])
    }
}
