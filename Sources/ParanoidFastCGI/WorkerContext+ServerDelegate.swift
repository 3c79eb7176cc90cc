internal import FastCGIServer
internal import WorkerSupervisor

// The server and the supervision do not know each other: they meet here.
extension WorkerContext: ServerDelegate {
    /// Counts what the server has counted.
    func count(_ event: ServerEvent) {
        self.count(StatisticsCounter(event))
    }

    /// Counts something on the board that all workers share.
    func count(_ counter: StatisticsCounter) {
        self.count(counter.rawValue)
    }
}
