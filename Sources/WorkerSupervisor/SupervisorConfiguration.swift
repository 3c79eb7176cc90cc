package import ParanoidLinux

/// How many workers a supervisor keeps, what they are, and how patient it is with them.
package struct SupervisorConfiguration: Sendable {
    /// The number of workers, at least 1; SIGTTIN and SIGTTOU change it at run time.
    package var workers: Int
    /// As many as SIGTTIN can bring.
    package var maximumWorkers: Int
    /// The program of the workers, an absolute path, so that a reload finds a new binary.
    package var programPath: String
    /// Its arguments, the zeroth included.
    package var arguments: [String]
    /// Added to the inherited environment of the workers, and stronger than it and ``environmentFile``.
    package var environment: [String: String]
    /// Names that the workers do not inherit.
    package var withheldVariables = SystemdNotifier.variables
    /// The file that standard error goes to, opened anew for SIGUSR1; `nil`: where it goes at the start.
    package var logFile: LogFile?
    /// Whether no other program keeps the listener: workers then close it when they are left alone.
    package var ownsListener = false
    /// How the number of workers follows the load; `nil`: it does not.
    package var scaling: WorkerScaling.Rules?
    /// A file of `NAME=VALUE` lines, stronger than the inherited environment; read at the start and at every reload.
    package var environmentFile: String?
    /// Asked what the program says of the workers' new environment, on the supervisor's thread; `nil`: nothing.
    package var reviewSettings: (@Sendable (ProcessEnvironment) -> SettingsReview)?
    /// How long a worker may take from its spawn until it says that it is ready.
    package var readinessTimeout: Duration
    /// How long a worker may take to drain before it is killed.
    package var gracePeriod: Duration
    /// The pauses before dead workers are replaced.
    package var backoff: RestartBackoff
    /// How often in a slot a new worker may fail to become ready before a reload is abandoned and the old workers stay.
    package var reloadAttempts: Int
    /// Ends the supervisor when one slot saw that many early exits in a slot and no worker is serving; `nil` never gives up.
    package var earlyExitLimit: Int?
    /// How long a worker that serves may show no heartbeat before it is taken for stuck and replaced; `nil`: for ever.
    package var heartbeatTimeout: Duration?
    /// How long a stuck worker may take to die of SIGABRT, which is sent twice, before SIGKILL.
    package var abortTimeout: Duration
    /// The bytes of memory beyond which a worker gets a successor; `nil`: any number.
    package var memoryLimit: Int?
    /// How often heartbeat and memory are looked at.
    package var observationInterval: Duration
    /// How long a worker is left alone whose successors have failed.
    package var recyclingPause: Duration
    /// Whether the process is the supervisor's own: it then takes over the signals, restores SIGCHLD and sets the umask to 077.
    ///
    /// Without, it hears only ``Supervisor/send(_:)``.
    package var ownsProcess: Bool

    package init(
        workers: Int,
        programPath: String,
        arguments: [String],
        environment: [String: String] = [:],
        environmentFile: String? = nil,
        maximumWorkers: Int = 256,
        readinessTimeout: Duration = .seconds(30),
        gracePeriod: Duration = .seconds(30),
        backoff: RestartBackoff = RestartBackoff(),
        reloadAttempts: Int = 3,
        earlyExitLimit: Int? = nil,
        heartbeatTimeout: Duration? = nil,
        abortTimeout: Duration = .seconds(5),
        memoryLimit: Int? = nil,
        observationInterval: Duration = .seconds(1),
        recyclingPause: Duration = .seconds(60),
        ownsProcess: Bool = true
    ) {
        self.workers = workers
        self.programPath = programPath
        self.arguments = arguments
        self.environment = environment
        self.environmentFile = environmentFile
        self.maximumWorkers = maximumWorkers
        self.readinessTimeout = readinessTimeout
        self.gracePeriod = gracePeriod
        self.backoff = backoff
        self.reloadAttempts = reloadAttempts
        self.earlyExitLimit = earlyExitLimit
        self.heartbeatTimeout = heartbeatTimeout
        self.abortTimeout = abortTimeout
        self.memoryLimit = memoryLimit
        self.observationInterval = observationInterval
        self.recyclingPause = recyclingPause
        self.ownsProcess = ownsProcess
    }

    /// Whether there is a reason to look at workers that say nothing.
    var observesWorkers: Bool { self.heartbeatTimeout != nil || self.memoryLimit != nil || self.scaling != nil }
}

/// The exit codes a supervisor and its workers share (`sysexits.h`).
package enum SupervisorExitCode {
    /// Everything ended as it was asked to.
    package static let success: CInt = 0
    /// Workers keep dying and the configuration says to give up (EX_SOFTWARE).
    package static let gaveUp: CInt = 70
    /// No worker can be started at all (EX_OSERR).
    package static let cannotSpawn = Remedy.system.exitCode
    /// A worker's word for unusable settings, said before it is ready (EX_CONFIG); it has printed the reason.
    package static let unusableConfiguration = Remedy.change.exitCode
}
