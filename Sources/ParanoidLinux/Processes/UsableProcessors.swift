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
            quotas: CPUControlGroup.all(groups: text("/proc/self/cgroup") ?? "", mounts: text("/proc/self/mountinfo") ?? "")
                .compactMap { $0.quota(text) }
        )
    }

    /// The least of all limits, rounded up; at least 1.
    package var count: Int {
        let quota = self.quotas.filter { $0 > 0 }.min().map { Int(min($0, 1_000_000).rounded(.up)) }
        return max(1, [self.online, self.affinity, quota].compactMap { $0 }.min() ?? 1)
    }

    /// How many workers there are unless a setting says otherwise: one for each processor, at least 2, so that one can be replaced or be stuck
    /// while another serves, and at most 256.
    package var defaultWorkers: Int { min(max(self.count, 2), 256) }
}

/// The directory of a control group that may limit processor time.
struct CPUControlGroup: Sendable, Hashable {
    /// The two hierarchies, which name and write their limits differently.
    enum Version: Sendable, Hashable {
        case one, two
    }

    let version: Version
    let directory: String

    /// The groups of a process and all groups above them, as far as they are mounted here; pure.
    ///
    /// - Parameters:
    ///   - groups: The text of `/proc/self/cgroup`.
    ///   - mounts: The text of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).
    static func all(groups: String, mounts: String) -> [CPUControlGroup] {
        var found: [CPUControlGroup] = []
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let version: Version
            if fields[0] == "0", fields[1].isEmpty {
                version = .two
            } else if fields[1].split(separator: ",").contains("cpu") {
                version = .one
            } else {
                continue
            }
            for mount in mounts.split(separator: "\n") {
                guard let (root, point) = Self.mount(mount, version) else { continue }
                for path in Self.pathAndParents(String(fields[2]), below: root) {
                    found.append(CPUControlGroup(version: version, directory: point + path))
                }
            }
        }
        return found
    }

    /// The processors' worth of time that the group allows; `nil` when it sets no limit.
    ///
    /// - Parameter contents: Reads a file; `nil` for one that is not there.
    func quota(_ contents: (String) -> String?) -> Double? {
        switch self.version {
        case .two: contents(self.directory + "/cpu.max").flatMap { Self.quota(max: $0) }
        case .one:
            contents(self.directory + "/cpu.cfs_quota_us").flatMap { quota in
                contents(self.directory + "/cpu.cfs_period_us").flatMap { Self.quota(quota, period: $0) }
            }
        }
    }

    /// `cpu.max`: `max 100000`, or the quota and the period in microseconds.
    static func quota(max text: String) -> Double? {
        let words = text.split { $0 == " " || $0 == "\n" }
        return words.count == 2 ? self.quota(String(words[0]), period: String(words[1])) : nil
    }

    private static func quota(_ quota: String, period: String) -> Double? {
        guard let quota = Int(quota.prefix { $0 != "\n" }), quota > 0, let period = Int(period.prefix { $0 != "\n" }), period > 0 else {
            return nil
        }
        return Double(quota) / Double(period)
    }

    /// The part of the hierarchy that a line of `mountinfo` shows, and where; `nil` for other mounts.
    private static func mount(_ line: Substring, _ version: Version) -> (root: String, point: String)? {
        // 35 24 0:30 /root /point options… - type source superoptions
        let words = line.split(separator: " ")
        guard words.count > 8, let dash = words.firstIndex(of: "-"), words.indices.contains(dash + 3) else { return nil }
        switch version {
        case .two: guard words[dash + 1] == "cgroup2" else { return nil }
        case .one: guard words[dash + 1] == "cgroup", words[dash + 3].split(separator: ",").contains("cpu") else { return nil }
        }
        return (String(words[3]), String(words[4]))
    }

    /// The path as it is below a mount's root, and all paths above it up to the mount's own directory, which is the empty one.
    private static func pathAndParents(_ path: String, below root: String) -> [String] {
        var parts = path.split(separator: "/")
        let above = root.split(separator: "/")
        // In a container without a name space for groups the path is the host's, and the mount shows the container's part.
        parts = parts.starts(with: above) ? Array(parts.dropFirst(above.count)) : []
        guard !parts.contains("..") else { return [""] }
        return (0...parts.count).map { count in parts.prefix(count).map { "/" + $0 }.joined() }
    }
}
