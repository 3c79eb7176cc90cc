package import ParanoidLinux

/// Hears how a server is, and does for it what needs other processes.
///
/// All functions are called on the server's threads, must not block and may be called at the same time.
package protocol ServerDelegate: AnyObject, Sendable {
    /// The threads come round; called every ``FastCGIServerConfiguration/heartbeatInterval``, but not while handlers hold all of them.
    ///
    /// A thread that waits for bytes of a slow peer counts as free, as that has a deadline of its own.
    func heartbeat()
    /// A request has begun.
    func requestBegan()
    /// A request is over, and so is its handler.
    func requestEnded()
    /// Something happened that is counted.
    func count(_ event: ServerEvent)
    /// How busy the threads are at this moment; called as often as ``FastCGIServerConfiguration/samplingInterval`` says, whatever handlers do.
    ///
    /// - Parameter demand: Threads that do something, and jobs that wait for one.
    func sampled(demand: Int, threads: Int)
    /// A connection was opened.
    func connectionOpened()
    /// A connection was closed.
    func connectionClosed()
    /// Offers a connection that was just accepted.
    ///
    /// - Returns: Whether another process serves it; otherwise the server does.
    func handOff(_ connection: borrowing OwnedDescriptor) -> Bool
    /// A connection that another process has accepted has come.
    func connectionArrived()
    /// No further connection of others was there.
    func nothingArrives()
    /// The server takes no more connections.
    func drains()
    /// A handler holds on although its time and the time after that are up; the process should be replaced.
    func requestReplacement()
}

/// A rare event that a server counts, under the name under which an application counts it.
package enum ServerEvent: String, Sendable, Hashable, CaseIterable {
    /// A peer that may not send requests was closed.
    case refusedPeers
    /// A connection was closed as too many are open, or the system gave no descriptor.
    case refusedConnections
    /// A peer sent no request; its connection was closed.
    case brokenRequests
    /// A request had too many parameters, or too long ones.
    case refusedParameters
    /// A request came while as many as allowed were running or waiting.
    case overloads
    /// A request took too long and was cancelled.
    case overdueRequests
}
