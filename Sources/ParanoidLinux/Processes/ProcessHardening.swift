internal import CLinux
internal import Glibc

/// Properties of the whole process that keep its memory and files to itself.
package enum ProcessHardening {
    /// Forbids core files, also for whatever this process starts (`setrlimit(2)`, RLIMIT_CORE).
    package static func forbidCoreFiles() throws(SystemCallError) {
        guard clinux_forbid_core_files() == 0 else { throw SystemCallError("setrlimit") }
    }

    /// Forbids dumps and attaching by other processes of the same user (`prctl(2)`, PR_SET_DUMPABLE); ends with the next exec.
    package static func forbidDumps() throws(SystemCallError) {
        guard clinux_forbid_dumps() == 0 else { throw SystemCallError("prctl") }
    }

    /// Gives new files and directories no rights beyond their owner's (`umask(2)`, 077).
    package static func keepNewFilesPrivate() {
        umask(0o077)
    }
}
