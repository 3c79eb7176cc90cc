/// The directory of a control group that may limit processor time or memory (`cgroups(7)`).
struct ControlGroup: Sendable, Hashable {
    /// The two hierarchies, which name and write their limits differently.
    enum Version: Sendable, Hashable {
        case one, two
    }

    /// What a group limits, by the name that version 1 has for it.
    enum Controller: String, Sendable {
        case processor = "cpu"
        case memory
    }

    let version: Version
    let directory: String

    /// The groups of a process and all groups above them, as far as they are mounted here; pure.
    ///
    /// - Parameters:
    ///   - controller: What they limit.
    ///   - groups: The text of `/proc/self/cgroup`.
    ///   - mounts: The text of `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).
    static func all(_ controller: Controller, groups: String, mounts: String) -> [ControlGroup] {
        var found: [ControlGroup] = []
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let version: Version
            if fields[0] == "0", fields[1].isEmpty {
                version = .two
            } else if fields[1].split(separator: ",").contains(controller.rawValue[...]) {
                version = .one
            } else {
                continue
            }
            for mount in mounts.split(separator: "\n") {
                guard let (root, point) = Self.mount(mount, version, controller) else { continue }
                for path in Self.pathAndParents(String(fields[2]), below: root) {
                    found.append(ControlGroup(version: version, directory: point + path))
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

    /// The bytes of memory that the group allows; `nil` when it sets no limit.
    func memoryLimit(_ contents: (String) -> String?) -> Int? {
        let name = self.version == .two ? "memory.max" : "memory.limit_in_bytes"
        return contents("\(self.directory)/\(name)").flatMap { Self.bytes($0) }
    }

    /// The bytes of memory that the group uses, without file contents that the kernel drops first when it needs room.
    func memoryUsed(_ contents: (String) -> String?) -> Int? {
        let (name, idle) = self.version == .two ? ("memory.current", "inactive_file") : ("memory.usage_in_bytes", "total_inactive_file")
        guard let all = contents("\(self.directory)/\(name)").flatMap({ Self.bytes($0) }) else { return nil }
        let lines = contents("\(self.directory)/memory.stat")?.split(separator: "\n") ?? []
        let droppable = lines.first { $0.hasPrefix("\(idle) ") }.flatMap { Self.bytes(String($0.dropFirst(idle.utf8.count + 1))) }
        return max(0, all - (droppable ?? 0))
    }

    private static func bytes(_ text: String) -> Int? {
        guard let number = Int(text.prefix { $0 != "\n" }), number >= 0 else { return nil }
        return number
    }

    /// The part of the hierarchy that a line of `mountinfo` shows, and where; `nil` for other mounts.
    private static func mount(_ line: Substring, _ version: Version, _ controller: Controller) -> (root: String, point: String)? {
        // 35 24 0:30 /root /point options… - type source superoptions
        let words = line.split(separator: " ")
        guard words.count > 8, let dash = words.firstIndex(of: "-"), words.indices.contains(dash + 3) else { return nil }
        switch version {
        case .two: guard words[dash + 1] == "cgroup2" else { return nil }
        case .one:
            guard words[dash + 1] == "cgroup", words[dash + 3].split(separator: ",").contains(controller.rawValue[...]) else { return nil }
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
