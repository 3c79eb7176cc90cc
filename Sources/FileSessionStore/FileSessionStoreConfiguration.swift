/// What a commit of a session survives.
package enum SessionDurability: Sendable, Hashable {
    /// The death of any process, at any instant. Costs no waiting for the disk.
    case process
    /// The loss of power as well: every call waits for the disk (`fdatasync(2)`, and `fsync(2)` of the directory where names change).
    case power
}

/// Where and how a ``FileSessionStore`` keeps its files.
package struct FileSessionStoreConfiguration: Sendable, Hashable {
    /// The directory that holds the sessions; it is created with mode 0700, with its parents, when it is absent.
    package var directory: String
    /// What a commit survives.
    package var durability: SessionDurability
    /// The most bytes of payload a session may have; more is refused as too large.
    package var maximumPayloadSize: Int
    /// The most callers of this process that wait for one session at a time.
    package var maximumWaiters: Int
    /// How long a read waits for the lock when it has reason to believe that the file is damaged.
    package var inspectionTimeout: Duration
    /// The most session files kept open by this process; `nil` takes half of what `RLIMIT_NOFILE` allows, at most 2048, about as many as
    /// opened records are kept.
    package var maximumOpenFiles: Int?
    /// The most of them that are seen in memory, see `SessionFileWindow`; each takes a page that the workers share.
    package var maximumWindows: Int
    /// How many percent of bytes and inodes are kept for users who are logged in, though no more than 256 MiB and 10 000 inodes; 0: none.
    package var reservedPercent: Int
    /// The most sessions in which nobody is logged in, counted at each sweep; `nil`: any number.
    package var maximumAnonymousSessions: Int?
    /// How long a file that was moved aside is kept.
    package var damagedLifetime: Duration
    /// Whether the directory may lie on a network or FUSE file system, where `flock(2)` may not exclude other hosts.
    ///
    /// It is tried then whether locks exclude another process of this host; what other hosts do nobody can try.
    package var allowsNetworkFileSystem: Bool

    /// Creates a configuration with defaults for everything but the place.
    package init(
        directory: String,
        durability: SessionDurability = .process,
        maximumPayloadSize: Int = 256 * 1024,
        maximumWaiters: Int = 64,
        inspectionTimeout: Duration = .seconds(2),
        maximumOpenFiles: Int? = nil,
        maximumWindows: Int = 512,
        reservedPercent: Int = 5,
        maximumAnonymousSessions: Int? = nil,
        damagedLifetime: Duration = .seconds(30 * 86_400),
        allowsNetworkFileSystem: Bool = false
    ) {
        self.directory = directory
        self.durability = durability
        self.maximumPayloadSize = maximumPayloadSize
        self.maximumWaiters = maximumWaiters
        self.inspectionTimeout = inspectionTimeout
        self.maximumOpenFiles = maximumOpenFiles
        self.maximumWindows = maximumWindows
        self.reservedPercent = reservedPercent
        self.maximumAnonymousSessions = maximumAnonymousSessions
        self.damagedLifetime = damagedLifetime
        self.allowsNetworkFileSystem = allowsNetworkFileSystem
    }
}
