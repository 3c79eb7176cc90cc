internal import Glibc

/// How much memory a process uses.
package enum ProcessMemory {
    /// The bytes that are in memory at this moment, shared ones included (`statm` in `proc(5)`).
    ///
    /// - Returns: `nil` for a process that does not exist or may not be looked at.
    package static func residentBytes(of process: CInt) -> Int? {
        ProcFile.contents(of: "/proc/\(process)/statm").flatMap { Self.residentPages($0) }.map { $0 * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }

    /// The second number of the file, which counts pages.
    static func residentPages(_ statm: [UInt8]) -> Int? {
        let fields = statm.split(separator: UInt8(ascii: " "))
        guard fields.count >= 2 else { return nil }
        return Int(String(decoding: fields[1], as: UTF8.self))
    }
}
