import Testing

@testable import ParanoidLinux

@Suite("Memory that can be used")
struct UsableMemoryTests {
    @Test(
        "the narrowest limit counts, and one beyond the machine is none",
        arguments: [
            ([], nil), ([512], 512), ([512, 128, 256], 128), ([9000], nil), ([8192], nil), ([8191, 9000], 8191),
        ] as [([Int], Int?)]
    )
    func limits(_ limits: [Int], _ narrowest: Int?) {
        let memory = UsableMemory(machine: 8192, limits: limits.map { UsableMemory.Limit(bytes: $0, used: $0 / 2) })
        #expect(memory.limit == narrowest.map { UsableMemory.Limit(bytes: $0, used: $0 / 2) })
    }

    @Test("without a machine whose size is known, every limit counts")
    func unknown() {
        #expect(UsableMemory(machine: nil, limits: [.init(bytes: 7, used: nil)]).limit == .init(bytes: 7, used: nil))
    }

    @Test("groups of version 2: memory.max, and memory.current without what can be dropped")
    func versionTwo() {
        let groups = ControlGroup.all(
            .memory,
            groups: "0::/system.slice/app.service\n",
            mounts: "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
        )
        #expect(groups.map(\.directory) == ["", "/system.slice", "/system.slice/app.service"].map { "/sys/fs/cgroup" + $0 })
        let files = [
            "/sys/fs/cgroup/system.slice/memory.max": "max\n", "/sys/fs/cgroup/system.slice/app.service/memory.max": "536870912\n",
            "/sys/fs/cgroup/system.slice/app.service/memory.current": "300\n",
            "/sys/fs/cgroup/system.slice/app.service/memory.stat": "anon 200\nactive_file 60\ninactive_file 40\nslab 1\n",
        ]
        #expect(groups.map { group in group.memoryLimit { files[$0] } } == [nil, nil, 536_870_912])
        #expect(groups.map { group in group.memoryUsed { files[$0] } } == [nil, nil, 260])
    }

    @Test("groups of version 1: those of the memory's controller, whatever others there are")
    func versionOne() {
        let groups = ControlGroup.all(
            .memory,
            groups: "12:cpu,cpuacct:/other\n4:memory:/docker/abc\n0::/\n",
            mounts: """
                40 35 0:33 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct
                41 35 0:34 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
                """
        )
        #expect(groups == [ControlGroup(version: .one, directory: "/sys/fs/cgroup/memory")])
        let files = [
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n", "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
            "/sys/fs/cgroup/memory/memory.stat": "cache 7\ninactive_file 1\ntotal_inactive_file 1600\n",
        ]
        #expect(groups.map { group in group.memoryLimit { files[$0] } } == [67_108_864])
        #expect(groups.map { group in group.memoryUsed { files[$0] } } == [0], "never below nothing")
    }

    @Test("nonsense limits nothing, and what is used is not known then", arguments: ["", "max", "-1", "five", "9 9"])
    func nonsense(_ text: String) {
        let group = ControlGroup(version: .two, directory: "/g")
        #expect(group.memoryLimit { _ in text } == nil && group.memoryUsed { _ in text } == nil)
        #expect(group.memoryLimit { _ in nil } == nil)
    }

    @Test("this machine has some")
    func real() {
        let memory = UsableMemory.ofThisProcess()
        #expect(memory.machine ?? 0 > 1 << 20)
        if let limit = memory.limit { #expect(limit.bytes > 0 && limit.bytes < memory.machine ?? .max) }
    }
}
