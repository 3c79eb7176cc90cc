import Testing

@testable import ParanoidLinux

@Suite("Processors that can be used")
struct UsableProcessorsTests {
    struct Machine: Sendable, CustomTestStringConvertible {
        let name: String
        var online = 16
        var affinity: Int?
        var quotas: [Double] = []
        /// MiB that are allowed.
        var memory: Int?
        let count: Int
        let workers: Int

        var testDescription: String { self.name }
    }

    @Test(
        "the least limit counts, and there are 2 to 256 workers",
        arguments: [
            Machine(name: "no limit", count: 16, workers: 16),
            Machine(name: "one processor", online: 1, count: 1, workers: 2),
            Machine(name: "an affinity", affinity: 3, count: 3, workers: 3),
            Machine(name: "half a processor of time", quotas: [0.5], count: 1, workers: 2),
            Machine(name: "two and a half", affinity: 8, quotas: [2.5], count: 3, workers: 3),
            Machine(name: "a narrower group above", quotas: [8, 2], count: 2, workers: 2),
            Machine(name: "more time than processors", affinity: 4, quotas: [64], count: 4, workers: 4),
            Machine(name: "a large machine", online: 384, affinity: 384, count: 384, workers: 256),
            Machine(name: "16 processors and room for 4 workers", memory: 128, count: 16, workers: 4),
            Machine(name: "room for more workers than processors", online: 4, memory: 1024, count: 4, workers: 4),
            Machine(name: "hardly any room", memory: 20, count: 16, workers: 2),
            Machine(name: "a quota without sense", quotas: [0, .infinity], count: 16, workers: 16),
        ]
    )
    func counts(_ machine: Machine) {
        let processors = UsableProcessors(online: machine.online, affinity: machine.affinity, quotas: machine.quotas)
        #expect(processors.count == machine.count)
        let limits = machine.memory.map { [UsableMemory.Limit(bytes: $0 << 20, used: nil)] } ?? []
        #expect(processors.defaultWorkers(memory: UsableMemory(machine: 64 << 30, limits: limits)) == machine.workers)
    }

    @Test("groups of version 2 are read up to the mount")
    func versionTwo() {
        let groups = ControlGroup.all(
            .processor,
            groups: "0::/system.slice/guest book.service\n",
            mounts: """
                24 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw
                35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
                """
        )
        let directories = ["", "/system.slice", "/system.slice/guest book.service"].map { "/sys/fs/cgroup" + $0 }
        #expect(groups == directories.map { ControlGroup(version: .two, directory: $0) })
        let files = [
            "/sys/fs/cgroup/system.slice/cpu.max": "150000 100000\n",
            "/sys/fs/cgroup/system.slice/guest book.service/cpu.max": "max 100000\n",
        ]
        #expect(groups.map { group in group.quota { files[$0] } } == [nil, 1.5, nil])
    }

    @Test("groups of version 1 are those of the processor's controller")
    func versionOne() {
        let groups = ControlGroup.all(
            .processor,
            groups: "12:memory:/other\n4:cpu,cpuacct:/docker/abc/inner\n0::/unified\n",
            mounts: """
                40 35 0:33 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:15 - cgroup cgroup rw,cpu,cpuacct
                41 35 0:34 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory
                """
        )
        let directories = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/inner"]
        #expect(groups == directories.map { ControlGroup(version: .one, directory: $0) })
        let files = [
            directories[0] + "/cpu.cfs_quota_us": "-1\n", directories[0] + "/cpu.cfs_period_us": "100000\n",
            directories[1] + "/cpu.cfs_quota_us": "50000\n", directories[1] + "/cpu.cfs_period_us": "100000\n",
        ]
        #expect(groups.map { group in group.quota { files[$0] } } == [nil, 0.5])
    }

    @Test("in a container that shows only its own part, the mount's directory counts")
    func hiddenPath() {
        let mount = "40 35 0:33 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu"
        #expect(
            ControlGroup.all(.processor, groups: "4:cpu:/somewhere", mounts: mount) == [
                ControlGroup(version: .one, directory: "/sys/fs/cgroup/cpu")
            ]
        )
        let above = "35 24 0:30 /../.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw"
        #expect(
            ControlGroup.all(.processor, groups: "0::/../x", mounts: above) == [ControlGroup(version: .two, directory: "/sys/fs/cgroup")]
        )
    }

    @Test("nonsense limits nothing", arguments: ["", "max", "max 100000", "0 100000", "-5 100000", "5 0", "five 100000", "1 2 3"])
    func nonsense(_ text: String) {
        #expect(ControlGroup.quota(max: text) == nil)
        #expect(ControlGroup.all(.processor, groups: text, mounts: text).isEmpty)
    }

    @Test("this machine has at least one")
    func real() {
        let processors = UsableProcessors.ofThisProcess()
        #expect(processors.count >= 1 && processors.affinity != nil)
    }
}
