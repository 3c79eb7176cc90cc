import ParanoidLinux
import TestSupport
import Testing

@testable import WorkerSupervisor

@Suite("Supervisor under random events")
struct SupervisorInvariantTests {
    /// What is true of the processes, as the actions say: it knows nothing of the machine's own books.
    struct World {
        enum Life { case starting, ready, draining, aborted, killed }

        var alive: [WorkerIdentifier: Life] = [:]
        var wanted: Int
        var isStopping = false
        var isFinished = false
        var isAskedForSettings = false
        var serials: Set<Int> = []

        mutating func carryOut(_ actions: [SupervisorAction]) {
            for action in actions {
                #expect(!self.isFinished, "nothing follows the end")
                switch action {
                case .spawn(let worker, let slots):
                    #expect(!self.isStopping, "nothing is started while stopping")
                    #expect(worker.slot < slots && slots == self.wanted)
                    #expect(self.serials.insert(worker.serial).inserted, "no serial number is used twice")
                    self.alive[worker] = .starting
                case .signal(let worker, .terminate):
                    #expect(self.alive[worker] == .starting || self.alive[worker] == .ready, "only who serves is asked to drain, once")
                    let others = self.alive.filter { $0.key.slot == worker.slot && $0.key != worker && $0.value == .ready }
                    if !self.isStopping, worker.slot < self.wanted {
                        #expect(!others.isEmpty, "nobody is drained before the successor serves")
                    }
                    self.alive[worker] = .draining
                case .signal(let worker, .abort):
                    #expect(self.alive[worker] == .ready || self.alive[worker] == .aborted, "only who serves can be stuck")
                    self.alive[worker] = .aborted
                case .signal(let worker, .kill):
                    #expect(self.alive[worker] != nil && self.alive[worker] != .killed, "only the living are killed, once")
                    self.alive[worker] = .killed
                case .signal(let worker, _):
                    #expect(self.alive[worker] != nil)
                case .readSettings: self.isAskedForSettings = true
                case .closeListener: self.isStopping = true
                case .log(.workersWanted(let count)): self.wanted = count
                case .log, .closeHandoffSocket, .reopenLog: break
                case .finish:
                    #expect(self.alive.isEmpty, "nobody is left at the end")
                    self.isFinished = true
                }
            }
            for (slot, workers) in Dictionary(grouping: self.alive.keys, by: \.slot) {
                #expect(workers.count <= 2, "slot \(slot) has too many")
            }
        }
    }

    @Test("keeps its promises", arguments: 0..<200)
    func keepsPromises(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let workers = Int.random(in: 1...4, using: &random)
        var configuration = SupervisorStateMachineTests.configuration(workers: workers)
        configuration.maximumWorkers = 6
        configuration.heartbeatTimeout = .milliseconds(500)
        configuration.memoryLimit = 1_000
        var machine = SupervisorStateMachine(configuration)
        var world = World(wanted: workers)
        var now = Duration.zero
        world.carryOut(machine.start(at: now))

        for _ in 0..<400 where !world.isFinished {
            now += .milliseconds(Int.random(in: 0...400, using: &random))
            let event = Self.event(in: world, &random, allowingStop: Int.random(in: 0..<200, using: &random) == 0)
            world.note(event)
            world.carryOut(machine.handle(event, at: now))
            if !world.isStopping {
                for slot in 0..<world.wanted { #expect(Self.isCaredFor(slot, world, machine, now), "slot \(slot) is lost") }
            }
        }

        // From here on everybody behaves, so everything has to come to rest as it should be.
        Self.behave(&machine, &world, &now)
        if !world.isStopping {
            let serving = world.alive.filter { $0.value == .ready }
            #expect(Set(serving.keys.map(\.slot)) == Set(0..<world.wanted))
            #expect(world.alive.count == world.wanted)
            world.carryOut(machine.handle(.stop, at: now))
            Self.behave(&machine, &world, &now)
        }
        #expect(world.isFinished)
        #expect(machine.nextDeadline == nil)
    }

    /// A slot is cared for if somebody serves in it, or somebody has to go first, or a deadline will fill it.
    static func isCaredFor(_ slot: Int, _ world: World, _ machine: SupervisorStateMachine, _ now: Duration) -> Bool {
        let here = world.alive.filter { $0.key.slot == slot }
        if here.values.contains(.starting) || here.values.contains(.ready) || here.count == 2 { return true }
        return machine.nextDeadline.map { $0 > now } ?? false
    }

    static func event(in world: World, _ random: inout SeededRandom, allowingStop: Bool) -> SupervisorEvent {
        if allowingStop { return Bool.random(using: &random) ? .stop : .stopNow }
        let workers = world.alive.keys.sorted { $0.serial < $1.serial }
        let anybody = workers.randomElement(using: &random) ?? WorkerIdentifier(slot: 0, serial: 0)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6: return .ready(anybody)
        case 6..<9:
            let ends: [WaitStatus] = [.exited(0), .exited(1), .exited(78), .signalled(9)]
            // A refused configuration before anybody served ends everything, which would make short runs of most.
            return .exited(anybody, world.alive.values.contains(.ready) ? ends.randomElement(using: &random)! : .signalled(11))
        case 9: return .reload
        case 10, 11: return world.isAskedForSettings ? (Bool.random(using: &random) ? .settingsRead() : .settingsRefused) : .timePassed
        case 12: return .addWorker
        case 13: return .removeWorker
        case 14: return .replacementRequested(anybody)
        case 15: return .ready(WorkerIdentifier(slot: Int.random(in: 0..<9, using: &random), serial: 100_000))
        case 16: return .reopenLogs
        case 17:
            // Memory beyond the limit now and then, and heartbeats that stand still as often as they go on.
            let bytes = Int.random(in: 0..<4, using: &random) == 0 ? 2_000 : 500
            return .observed(anybody, WorkerHealth(heartbeat: UInt64.random(in: 0..<2, using: &random), residentBytes: bytes))
        default: return .timePassed
        }
    }

    static func behave(_ machine: inout SupervisorStateMachine, _ world: inout World, _ now: inout Duration) {
        for _ in 0..<1_000 where !world.isFinished {
            let event: SupervisorEvent
            if world.isAskedForSettings {
                event = .settingsRead()
            } else if let worker = world.alive.first(where: { [.draining, .aborted, .killed].contains($0.value) })?.key {
                event = .exited(worker, .exited(0))
            } else if let worker = world.alive.first(where: { $0.value == .starting })?.key {
                event = .ready(worker)
            } else if let deadline = machine.nextDeadline {
                now = max(now, deadline)
                event = .timePassed
            } else {
                return
            }
            world.note(event)
            world.carryOut(machine.handle(event, at: now))
        }
    }
}

extension SupervisorInvariantTests.World {
    /// Books what the event itself says about the processes.
    mutating func note(_ event: SupervisorEvent) {
        switch event {
        case .ready(let worker) where self.alive[worker] == .starting: self.alive[worker] = .ready
        case .exited(let worker, _): self.alive[worker] = nil
        case .settingsRead, .settingsRefused: self.isAskedForSettings = false
        default: break
        }
    }
}
