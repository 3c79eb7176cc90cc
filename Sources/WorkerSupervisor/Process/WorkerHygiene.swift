package import ParanoidLinux

/// What every process that sees secrets does before it sees them.
package enum WorkerHygiene {
    /// Forbids core files and dumps, makes new files private (umask 077), and ignores SIGPIPE, so that writing to somebody
    /// who has gone is an error and not the end.
    ///
    /// - Throws: ``SystemCallError`` from `setrlimit(2)` or `prctl(2)`.
    package static func apply() throws(SystemCallError) {
        try ProcessHardening.forbidCoreFiles()
        try ProcessHardening.forbidDumps()
        ProcessHardening.keepNewFilesPrivate()
        SignalSource.ignore(.brokenPipe)
    }
}
