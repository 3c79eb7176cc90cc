internal import CLinux
internal import Glibc

/// How many processors this process can really use: a container may have few of those the machine has.
package struct UsableProcessors: Sendable, Hashable {
    /// Processors that are online (`sysconf(3)`).
    package var online: Int
    /// Processors that the process may run on (`sched_getaffinity(2)`); `nil` when the system does not say.
    package var affinity: Int?
    /// Processor time that control groups allow, in processors; the group's own limit and those of the groups above it (`cgroups(7)`).
    package var quotas: [Double]

    /// Names what was found.
    package init(online: Int, affinity: Int?, quotas: [Double]) {
        self.online = online
        self.affinity = affinity
        self.quotas = quotas
    }

    /// Asks the system; blocks for the few small files of `/proc` and `/sys` that it reads.
    package static func ofThisProcess() -> UsableProcessors {
        let affinity = Int(clinux_affinity_count())
        let text = { (path: String) in ProcFile.contents(of: path).map { String(decoding: $0, as: UTF8.self) } }
        return UsableProcessors(
            online: max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))),
            affinity: affinity > 0 ? affinity : nil,
            quotas: ControlGroup.all(.processor, groups: text("/proc/self/cgroup") ?? "", mounts: text("/proc/self/mountinfo") ?? "")
                .compactMap { $0.quota(text) }
        )
    }

    /// The least of all limits, rounded up; at least 1.
    package var count: Int {
        let quota = self.quotas.filter { $0 > 0 }.min().map { Int(min($0, 1_000_000).rounded(.up)) }
        return max(1, [self.online, self.affinity, quota].compactMap { $0 }.min() ?? 1)
    }

    /// Whether more than one thread of this process can run at a time; asked once.
    package static let areSeveral = clinux_affinity_count() > 1

    /// Waits for some nanoseconds, in which another thread may finish what it is at.
    package static func pause() {
        for _ in 0..<8 { clinux_pause() }
    }

    /// How many workers there are unless a setting says otherwise: one for each processor, at most one for each 32 MiB of a limit of memory, at least
    /// 2, so that one can be replaced or be stuck while another serves, and at most 256.
    package func defaultWorkers(memory: UsableMemory) -> Int {
        let room = memory.limit.map { $0.bytes / UsableMemory.bytesPerWorker } ?? Int.max
        return min(max(min(self.count, room), 2), 256)
    }
}
