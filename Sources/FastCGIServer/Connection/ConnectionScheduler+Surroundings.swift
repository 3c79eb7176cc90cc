internal import ParanoidLinux
internal import Logging
internal import Synchronization

/// What a server has to do with other processes.
extension ConnectionScheduler {
    /// The end of a pair of sockets through which other processes pass connections on.
    final class Inbox: Sendable {
        let passing: DescriptorPassing

        init(_ passing: consuming DescriptorPassing) {
            self.passing = passing
        }
    }

    /// Connections that are taken from the inbox before other events get their turn.
    private static var arrivalsPerTurn: Int { 16 }
    private static var inboxInterest: Epoll.Interest { [.readable, .oneShot] }

    /// Shows that a thread has come round, and has the next one do so after the interval.
    func beat() {
        self.heartbeatTimer.acknowledge()
        guard let surroundings = self.surroundings else { return }
        surroundings.heartbeat()
        self.heartbeatTimer.start(microseconds: max(1, self.configuration.heartbeatInterval.nanoseconds / 1000))
    }

    /// Tells the surroundings how busy the threads are.
    func sample() {
        let threads = self.configuration.threads
        self.surroundings?.sampled(demand: max(0, threads - self.jobs.sleepingThreads) + self.jobs.readyJobs, threads: threads)
    }

    /// Has connections taken from an inbox as they come.
    func open(inbox passing: consuming DescriptorPassing) throws(SystemCallError) {
        let number = passing.descriptor.number
        let inbox = Inbox(passing)
        self.inbox.withLock { $0 = inbox }
        try self.poll.add(number, tag: Tag.inbox, interest: Self.inboxInterest)
    }

    /// Takes a few connections from the inbox and has the poll report the rest.
    func receiveArrivals() {
        guard let inbox = self.inbox.withLock({ $0 }) else { return }
        // As in acceptOne(): what was taken out and is not open yet is not overlooked.
        self.underway.add(1, ordering: .sequentiallyConsistent)
        defer { self.underway.subtract(1, ordering: .sequentiallyConsistent) }
        guard !self.draining.load(ordering: .sequentiallyConsistent) else { return }
        guard self.receive(from: inbox, atMost: Self.arrivalsPerTurn) else { return }
        try? self.poll.rearm(inbox.passing.descriptor.number, tag: Tag.inbox, interest: Self.inboxInterest)
    }

    /// Takes everything from the inbox; only for who decides about the end.
    func emptyInbox() {
        guard let inbox = self.inbox.withLock({ $0 }) else { return }
        _ = self.receive(from: inbox, atMost: 4096)
    }

    /// Takes connections.
    ///
    /// - Returns: False at the end of the inbox.
    private func receive(from inbox: Inbox, atMost limit: Int) -> Bool {
        var count = 0
        while count < limit {
            do throws(SystemCallError) {
                switch try inbox.passing.receive() {
                case .descriptor(let descriptor, tag: _):
                    self.take(Socket(descriptor))
                    self.surroundings?.connectionArrived()
                case .nothing:
                    self.surroundings?.nothingArrives()
                    return true
                case .end: return false
                }
            } catch {
                // A message without a descriptor: there was no room for one.
                self.logger.error("A connection that was passed on is lost.", metadata: ["error": "\(error)"])
                self.surroundings?.connectionArrived()
            }
            count += 1
        }
        return true
    }
}
