internal import Glibc

/// How much memory this process and those that it starts can use: a container may have little of what the machine has.
package struct UsableMemory: Sendable, Hashable {
    /// What a control group allows, and what it uses.
    package struct Limit: Sendable, Hashable {
        /// The bytes that are allowed.
        package var bytes: Int
        /// The bytes in use, without file contents that the kernel drops first; `nil` when the system does not say.
        package var used: Int?

        /// Names both.
        package init(bytes: Int, used: Int?) {
            self.bytes = bytes
            self.used = used
        }
    }

    /// What a worker needs at least, with the sessions and the code of an application.
    package static let bytesPerWorker = 32 << 20

    /// The bytes of the machine; `nil` when the system does not say.
    package var machine: Int?
    /// The limits of the process's control group and of those above it.
    package var limits: [Limit]

    /// Names what was found.
    package init(machine: Int?, limits: [Limit]) {
        self.machine = machine
        self.limits = limits
    }

    /// Asks the system; blocks for the few small files of `/proc` and `/sys` that it reads.
    package static func ofThisProcess() -> UsableMemory {
        let text = { (path: String) in ProcFile.contents(of: path).map { String(decoding: $0, as: UTF8.self) } }
        let (pages, size) = (sysconf(CInt(_SC_PHYS_PAGES)), sysconf(CInt(_SC_PAGESIZE)))
        return UsableMemory(
            machine: pages > 0 && size > 0 ? pages * size : nil,
            limits: ControlGroup.all(.memory, groups: text("/proc/self/cgroup") ?? "", mounts: text("/proc/self/mountinfo") ?? "")
                .compactMap { group in group.memoryLimit(text).map { Limit(bytes: $0, used: group.memoryUsed(text)) } }
        )
    }

    /// The narrowest of the limits; `nil` when none is narrower than the machine.
    package var limit: Limit? {
        self.limits.filter { $0.bytes < self.machine ?? .max }.min { $0.bytes < $1.bytes }
    }
}
