internal import FastCGIServer
internal import Logging
internal import ParanoidLinux

/// Answers requests to the status socket on a thread of its own: whatever workers and handlers do, it is there.
///
/// A small number of connections at a time, each with one request and a few seconds for it.
final class StatusServer: Sendable {
    /// Further connections wait in the kernel's queue.
    private static let longestQueue = 16
    /// How long a connection may take as a whole.
    private static let patience: Duration = .seconds(5)
    private static let samplingInterval: Duration = .seconds(5)

    private let stopping: DescriptorPair
    private let file: UnixSocketFile?
    private let thread: Thread

    /// Starts to answer.
    ///
    /// - Parameters:
    ///   - listener: Where requests come from.
    ///   - admits: Whether a peer may ask.
    ///   - board: What there is to say.
    init(
        _ listener: consuming Listener,
        admits: @escaping @Sendable (borrowing OwnedDescriptor) -> Bool,
        board: StatusBoard
    ) throws(SystemCallError) {
        self.file = listener.socketFile
        self.stopping = try DescriptorPair.pipe(nonblocking: true)
        let loop = StatusLoop(
            listener: SharedListener(listener),
            stop: try self.stopping.reading.duplicate(),
            admits: admits,
            board: board,
            limits: (connections: Self.longestQueue, patience: Self.patience, sampling: Self.samplingInterval)
        )
        self.thread = try Thread(name: "status") { loop.run() }
    }

    /// Ends the thread soon and removes the socket's name.
    func stop() {
        try? self.stopping.writing.write(byte: 1)
        self.file?.remove()
    }
}

/// A listener that a closure can hold.
private final class SharedListener: Sendable {
    let listener: Listener

    init(_ listener: consuming Listener) {
        self.listener = listener
    }
}

/// The thread of a ``StatusServer``.
private final class StatusLoop: Sendable {
    /// A connection with its request or the rest of its response.
    private struct Connection: ~Copyable {
        let socket: Socket
        let deadline: ContinuousClock.Instant
        var input: [UInt8] = []
        var output: ArraySlice<UInt8>?

        /// Continues; returns whether it is over.
        mutating func advance(_ answer: (StatusRequest) -> StatusResponse) -> Bool {
            if self.output == nil {
                guard let bytes = self.socket.descriptor.readAvailable(limit: 4096), !bytes.isEmpty else { return true }
                self.input += bytes
                let request = StatusRequest(self.input)
                if request == .incomplete { return false }
                self.output = answer(request).bytes[...]
            }
            guard let output else { return true }
            guard let written = self.socket.descriptor.writeAvailable(output) else { return true }
            self.output = output.dropFirst(written)
            guard self.output?.isEmpty == true else { return false }
            self.socket.finishSending()
            return true
        }
    }

    private let listener: SharedListener
    private let stop: OwnedDescriptor
    private let admits: @Sendable (borrowing OwnedDescriptor) -> Bool
    private let board: StatusBoard
    private let limits: (connections: Int, patience: Duration, sampling: Duration)

    init(
        listener: SharedListener,
        stop: consuming OwnedDescriptor,
        admits: @escaping @Sendable (borrowing OwnedDescriptor) -> Bool,
        board: StatusBoard,
        limits: (connections: Int, patience: Duration, sampling: Duration)
    ) {
        self.listener = listener
        self.stop = stop
        self.admits = admits
        self.board = board
        self.limits = limits
    }

    func run() {
        var connections: [ConnectionBox] = []
        var nextSample = ContinuousClock.now
        while true {
            if nextSample <= .now {
                self.board.sample()
                nextSample = .now + self.limits.sampling
            }
            connections.removeAll { $0.connection.deadline <= .now }
            let reading = connections.filter { $0.connection.output == nil }
            let writing = connections.filter { $0.connection.output != nil }
            let fixed = [self.stop.number] + (connections.count < self.limits.connections ? [self.listener.listener.descriptor.number] : [])
            let wakeUp = ([nextSample] + connections.map { $0.connection.deadline }).min() ?? nextSample
            let ready: (reading: [Int], writing: [Int])
            do throws(SystemCallError) {
                ready = try DescriptorPoll.wait(
                    reading: fixed + reading.map { $0.connection.socket.descriptor.number },
                    writing: writing.map { $0.connection.socket.descriptor.number },
                    timeout: max(.zero, ContinuousClock.now.duration(to: wakeUp))
                )
            } catch {
                return
            }
            if ready.reading.contains(0) { return }
            let due = ready.reading.filter { $0 >= fixed.count }.map { reading[$0 - fixed.count] } + ready.writing.map { writing[$0] }
            for box in due where box.connection.advance(self.board.response) { connections.removeAll { $0 === box } }
            if fixed.count > 1, ready.reading.contains(1), let box = self.accept() { connections.append(box) }
        }
    }

    private final class ConnectionBox {
        var connection: Connection

        init(_ connection: consuming Connection) {
            self.connection = connection
        }
    }

    private func accept() -> ConnectionBox? {
        guard let socket = try? self.listener.listener.accept(), self.admits(socket.descriptor) else { return nil }
        guard (try? socket.setNonBlocking()) != nil else { return nil }
        return ConnectionBox(Connection(socket: socket, deadline: .now + self.limits.patience))
    }
}
