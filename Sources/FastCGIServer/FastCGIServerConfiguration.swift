package import ParanoidLinux

/// The settings of a ``FastCGIServer``.
package struct FastCGIServerConfiguration: Sendable {
    /// How many threads wait for connections and run handlers.
    package var threads = 8
    /// The longest pause while a body is read.
    package var readTimeout = Duration.seconds(30)
    /// The longest pause while a response is written, and the time a response may take beyond what ``minimumRate`` allows.
    package var writeTimeout = Duration.seconds(30)
    /// How long the parameters of a request may take to arrive, and a body beyond what ``minimumRate`` allows.
    package var headDeadline = Duration.seconds(30)
    /// Bytes per second below which a peer is taken for one that drips, once the time above is used up.
    package var minimumRate = 1024
    /// While draining: how long running handlers may go on before their connections are cut and their tasks cancelled.
    package var drainTimeout = Duration.seconds(30)
    /// While draining: how long connections without a request are still served.
    ///
    /// A web server that sends a request at the moment its kept connection is closed loses it, so a rolling restart needs longer than the
    /// web server keeps idle connections.
    package var idleDrainTime = Duration.seconds(5)
    /// How long the rest of a refused body is taken in and thrown away after the response, so that the response is not lost with it.
    package var lingerTime = Duration.seconds(2)
    /// Unread bytes of a body that are read for the sake of keeping the connection; with more left it is closed.
    package var maximumDrainedBody = 1 << 20
    /// Bytes of all parameter names and values together; a request with more is cut off.
    package var maximumParameterBytes = 1 << 16
    /// Number of parameters; a request with more is cut off.
    package var maximumParameters = 1024
    /// How long a request may take before its task is cancelled; `nil`: for ever.
    package var requestDeadline: Duration?
    /// How long a handler may go on after that before the delegate is asked for a replacement.
    package var requestGrace = Duration.seconds(5)
    /// How often the server shows its delegate that its threads come round.
    package var heartbeatInterval = Duration.seconds(1)
    /// Connections open at a time; more are closed as they come.
    package var maximumConnections = 16_384

    /// Requests that may run, or wait for a thread, at a time; what comes beyond is given to ``rejectOverload``.
    package var maximumRunningRequests = 4096
    /// Answers and finishes a request beyond ``maximumRunningRequests``, at once and on the calling thread.
    package var rejectOverload: @Sendable (consuming FastCGIRequest) -> Void = { $0.finish() }
    /// The response to a request with too many or too long parameters, as the content of its output; empty: the connection is closed.
    package var refusal: [UInt8] = []
    /// Looks at a connection that was just accepted here; without a yes it is closed.
    package var admits: (@Sendable (_ connection: borrowing OwnedDescriptor) -> Bool)?
    /// How often the delegate is told how busy the threads are; `nil`: never.
    package var samplingInterval: Duration?

    /// Creates the default settings.
    package init() {}
}
