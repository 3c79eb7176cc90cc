internal import CLinux
internal import Glibc

/// Facts about this process and its machine.
package enum ProcessFacts {
    /// This process's number.
    package static var processID: Int { Int(getpid()) }

    /// The calling thread's number (`gettid(2)`).
    package static var threadID: Int { Int(clinux_thread_id()) }

    /// The absolute path of the running program as it was started; a newer file under that name is what a restart runs.
    ///
    /// - Returns: `nil` when `/proc` is not there.
    package static var executablePath: String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        guard count > 0, count < bytes.count else { return nil }
        var path = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The kernel marks a file that was replaced meanwhile.
        let mark = " (deleted)"
        if path.hasSuffix(mark) { path.removeLast(mark.count) }
        return path
    }
}

extension ProcessFacts {
    /// How many descriptors the process may have open: the soft limit of `RLIMIT_NOFILE`; `nil` when the system does not say.
    package static var descriptorLimit: Int? {
        let limit = clinux_descriptor_limit()
        return limit < 0 ? nil : Int(limit)
    }

    /// Raises that limit towards the hard one, for this process and those that it starts (`setrlimit(2)`).
    ///
    /// Login shells and old service managers give 1024 of a million, and nothing here waits with `select(2)`, which knows no more.
    ///
    /// - Returns: The limit afterwards; `nil` when the system does not say.
    package static func raiseDescriptorLimit(upTo most: Int = 65_536) -> Int? {
        let limit = clinux_raise_descriptor_limit(Int64(most))
        return limit < 0 ? nil : Int(limit)
    }

    /// The bytes that are in memory at this moment, shared ones included (`statm` in `proc(5)`).
    ///
    /// - Returns: `nil` for a process that does not exist or may not be looked at.
    package static func residentBytes(of process: CInt) -> Int? {
        ProcFile.contents(of: "/proc/\(process)/statm").flatMap { Self.residentPages($0) }.map { $0 * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }

    /// The second number of the file, which counts pages.
    private static func residentPages(_ statm: [UInt8]) -> Int? {
        let fields = statm.split(separator: UInt8(ascii: " "))
        guard fields.count >= 2 else { return nil }
        return Int(String(decoding: fields[1], as: UTF8.self))
    }
}

/// Small files of the system that are read as a whole.
internal enum ProcFile {
    /// The contents, at most 1 MiB of them, or as much as said; `nil` when the file cannot be read.
    static func contents(of path: String, limit: Int = 1 << 20) -> [UInt8]? {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = OwnedDescriptor(owning: number)
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 16384) { buffer, initialized in
                initialized = max(0, unsafe read(descriptor.number, buffer.baseAddress, buffer.count))
            }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }
}
