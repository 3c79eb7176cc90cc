internal import CLinux

/// Processes whose parents have ended: they become children of PID 1, or of the nearest process that has asked for them (`prctl(2)`,
/// PR_SET_CHILD_SUBREAPER), and stay in the table of processes until that one waits for them.
package enum OrphanedProcesses {
    /// Whether orphans come to this process, as it is PID 1 of a container or has asked for them.
    package static var comeHere: Bool { clinux_is_reaper() != 0 }

    /// Has the orphans among the descendants of this process come to it.
    ///
    /// - Throws: ``SystemCallError`` from `prctl(2)`.
    package static func askFor() throws(SystemCallError) {
        guard clinux_become_subreaper() == 0 else { throw SystemCallError("prctl") }
    }

    /// Waits for all children that have ended, except those that others in this process wait for; never blocks.
    ///
    /// One of those that has ended already may hide orphans: call this again after it was waited for.
    ///
    /// - Parameter own: The numbers of processes that a ``SpawnedProcess`` waits for.
    /// - Returns: How many there were.
    @discardableResult
    package static func reap(except own: Set<CInt>) -> Int {
        var count = 0
        while true {
            let process = clinux_ended_child()
            guard process > 0, !own.contains(process) else { return count }
            var code: CInt = 0
            guard unsafe clinux_wait(process, 0, &code) > 0 else { return count }
            count += 1
        }
    }
}
