import ParanoidLinux

/// Where the workers of one slot receive what their siblings pass on.
///
/// The supervisor keeps both ends, so that messages to a worker that died wait for its successor.
final class ConnectionHandoffSocket {
    private let sockets: DescriptorPair

    /// Makes an empty one.
    init() throws(SystemCallError) {
        self.sockets = try DescriptorPair.messageSockets()
    }

    /// The end for the slot's own workers.
    var readingNumber: CInt { self.sockets.reading.number }
    /// The end for everybody else.
    var writingNumber: CInt { self.sockets.writing.number }

    /// Refuses new messages (senders get EPIPE); those already there remain readable, followed by the end.
    func close() {
        self.sockets.refuseNewMessages()
    }
}
