/// The exit codes a supervisor and its workers share (`sysexits.h`).
package enum SupervisorExitCode {
    /// Everything ended as it was asked to.
    package static let success: CInt = 0
    /// Workers keep dying and the configuration says to give up (EX_SOFTWARE).
    package static let gaveUp: CInt = 70
    /// No worker can be started at all (EX_OSERR).
    package static let cannotSpawn: CInt = 71
    /// A worker's word for unusable settings, said before it is ready (EX_CONFIG); it has printed the reason.
    package static let unusableConfiguration: CInt = 78
}
