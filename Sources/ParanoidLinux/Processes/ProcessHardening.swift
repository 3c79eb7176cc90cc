internal import CLinux
internal import Glibc

/// Properties of the whole process that keep its memory and files to itself.
package enum ProcessHardening {
    /// Applies what every process needs before it sees a secret: no core files, no dumps, new files private (umask 077), and SIGPIPE ignored, so
    /// that writing to a peer that has gone is an error and not the end of the process.
    ///
    /// - Throws: ``SystemCallError`` from `setrlimit(2)` or `prctl(2)`.
    package static func apply() throws(SystemCallError) {
        try self.forbidCoreFiles()
        try self.forbidDumps()
        self.keepNewFilesPrivate()
        SignalSource.ignore(.brokenPipe)
    }

    /// Gives new files and directories no rights beyond their owner's (`umask(2)`, 077).
    package static func keepNewFilesPrivate() {
        umask(0o077)
    }

    /// Forbids core files, also for whatever this process starts (`setrlimit(2)`, RLIMIT_CORE).
    private static func forbidCoreFiles() throws(SystemCallError) {
        guard clinux_forbid_core_files() == 0 else { throw SystemCallError("setrlimit") }
    }

    /// Forbids dumps and attaching by other processes of the same user (`prctl(2)`, PR_SET_DUMPABLE); ends with the next exec.
    private static func forbidDumps() throws(SystemCallError) {
        guard clinux_forbid_dumps() == 0 else { throw SystemCallError("prctl") }
    }
}
