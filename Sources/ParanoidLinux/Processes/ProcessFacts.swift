internal import CLinux
internal import Glibc

/// Facts about this process and its machine.
package enum ProcessFacts {
    /// The number of processors that are online (`sysconf(3)`), at least 1.
    package static var onlineProcessors: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

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
