internal import CFCGI
internal import Glibc
internal import ParanoidLinux
internal import Synchronization

/// The connections that get one descriptor number, one after the other, and the `FCGX_Stream`s of their requests.
///
/// `@unchecked Sendable`: everything but the atomics and what `control` protects is touched only by the connection's owner, of whom
/// ``ConnectionState`` admits one at a time, and which changes only with an acquiring and releasing exchange of the state or through a
/// task's job. libfcgi gets the addresses of the streams, so they live on the heap and never move.
@safe
final class FastCGIConnection: @unchecked Sendable {
    /// The bytes that have arrived where a request may begin.
    enum HeadArrival {
        /// The start of a request, or of something else.
        case head(RequestHeadInspection)
        /// No byte yet.
        case nothing
        /// The peer has closed it, or went on with the body of an answered request for too long.
        case end
    }

    /// How far the input of the request is.
    enum InputState: Sendable, Hashable {
        /// More may come.
        case open
        /// All has been read.
        case ended
        /// It broke off.
        case failed(InputFailure)
    }

    /// Why a body cannot be read to its end.
    enum InputFailure: Sendable, Hashable {
        /// The peer has closed the connection, or sends what is no body.
        case cut
        /// The web server has given the request up.
        case aborted
        /// It did not come in its time.
        case tooSlow
        /// It is longer than was declared.
        case tooLong
    }

    /// The moment when the first byte of a head was seen.
    struct Arrival: Sendable {
        /// `CoarseClock`.
        var monotonicNanoseconds: Int64 = 0
        /// Since the epoch.
        var wallNanoseconds: Int64 = 0
    }

    /// The part that others than the owner may need, under its lock.
    private struct Control {
        var isOpen = false
        var isRegistered = false
        var task: Task<Void, Never>?
    }

    /// The descriptor's number.
    let number: CInt
    /// The server's settings.
    let configuration: FastCGIServerConfiguration
    /// The scheduler that gets the connection back; it owns the table that owns this.
    unowned let scheduler: ConnectionScheduler

    /// When the head has to be complete or lingering to end (`CoarseClock`), if the state says that it counts.
    let deadline = Atomic<Int64>(.max)
    /// When the system call that is being made for the request has to be over (`CoarseClock`); `Int64.max` while none is.
    let transferDeadline = Atomic<Int64>(.max)
    /// How many requests are over.
    let finishedRequests = Atomic<Int>(0)
    private let word = Atomic<UInt64>(0)
    private let registered = Atomic<Bool>(false)
    private let control = Mutex(Control())

    /// The connection's present name.
    private(set) var token: ConnectionToken
    /// How many requests have begun.
    var begunRequests = 0
    /// The place of the request's path among the costs.
    var costPlace = 0
    /// The head of the request being served.
    var head: RequestHead {
        _read { yield unsafe self.ownedHead }
        _modify { yield unsafe &self.ownedHead }
    }
    /// The budget of the body being read.
    var readBudget: TransferBudget
    /// The budget of the response being written.
    var writeBudget: TransferBudget
    /// Whether a filter's data are being read, which follow the body.
    var hasStartedData = false
    /// Whether a response's byte could not be written; nothing is written after that.
    var hasWriteError = false
    /// Whether the connection waits for what is left of an answered request's input.
    var isPastAnswer = false
    /// The bytes that have arrived and are not used up.
    var buffer: RequestBuffer {
        _read { yield unsafe self.ownedBuffer }
        _modify { yield unsafe &self.ownedBuffer }
    }
    /// Judges what follows the head.
    var input: RequestInput {
        _read { yield unsafe self.ownedInput }
        _modify { yield unsafe &self.ownedInput }
    }
    /// How far the input is.
    var inputState = InputState.ended
    /// The length of the body that the parameters declare.
    var declaredLength: Int?
    /// Bytes of the body that were given to the handler.
    var deliveredLength = 0
    /// Bytes of input that nobody wanted.
    var discardedLength = 0
    /// Whether the last call has filled all the room for input, so that more may be there that is not reported again.
    var mayHaveMore = false
    /// When the request's head was first seen.
    var arrival = Arrival()
    /// Finds the parameters of the request being served.
    var parameterIndex: ParameterIndex {
        _read { yield unsafe self.ownedIndex }
        _modify { yield unsafe &self.ownedIndex }
    }
    // The one owner does not overlap with itself, and to have that checked at each access costs more than the accesses.
    @exclusivity(unchecked) private var ownedHead = RequestHead()
    @exclusivity(unchecked) private var ownedIndex = ParameterIndex()
    @exclusivity(unchecked) private var ownedBuffer: RequestBuffer
    @exclusivity(unchecked) private var ownedInput = RequestInput(of: 0)
    /// How the response is to end.
    var ending = (applicationStatus: CInt(0), isFinal: false)
    /// The input and the output of the request, for libfcgi's functions.
    let streams: UnsafeMutablePointer<FCGX_Stream>

    /// Prepares for the connections that will have a number.
    init(number: CInt, scheduler: ConnectionScheduler) {
        self.number = number
        self.scheduler = scheduler
        self.configuration = scheduler.configuration
        self.token = ConnectionToken(number: UInt32(number), generation: 0)
        self.readBudget = TransferBudget(grace: self.configuration.headDeadline, minimumRate: self.configuration.minimumRate)
        self.writeBudget = TransferBudget(grace: self.configuration.writeTimeout, minimumRate: self.configuration.minimumRate)
        unsafe self.ownedBuffer = RequestBuffer(pool: scheduler.buffers)
        unsafe self.streams = .allocate(capacity: 2)
        unsafe self.streams.initialize(repeating: FCGX_Stream(), count: 2)
    }

    deinit {
        if self.control.withLock({ $0.isOpen }) { _ = Glibc.close(self.number) }
        self.buffer.release()
        unsafe self.streams.deallocate()
    }

    // MARK: - State

    /// The state as it is for the moment.
    var state: ConnectionState { ConnectionState(rawValue: self.word.load(ordering: .acquiring)) }

    /// Changes the state; `change` is pure and may run again.
    @discardableResult
    func update<Action>(_ change: (inout ConnectionState) -> Action) -> Action {
        var current = self.word.load(ordering: .relaxed)
        while true {
            var next = ConnectionState(rawValue: current)
            let action = change(&next)
            let (exchanged, original) = self.word.compareExchange(
                expected: current,
                desired: next.rawValue,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return action }
            current = original
        }
    }

    /// Applies the time to the state once; does nothing if the state changes meanwhile.
    func expire(now: Int64, isIdleTimeOver: Bool, isServingTimeOver: Bool) -> ConnectionState.Expiry? {
        let current = self.word.load(ordering: .acquiring)
        var next = ConnectionState(rawValue: current)
        // An owner sets the deadline before it lets go, so it belongs to the state if that is still the same afterwards.
        let isLate = self.deadline.load(ordering: .acquiring) <= now
        let expiry = next.expire(isLate: isLate, isIdleTimeOver: isIdleTimeOver, isServingTimeOver: isServingTimeOver)
        guard expiry != nil else { return nil }
        let (exchanged, _) = self.word.compareExchange(
            expected: current,
            desired: next.rawValue,
            ordering: .acquiringAndReleasing
        )
        return exchanged ? expiry : nil
    }

    // MARK: - The life of a connection

    /// Takes a new connection of this number over; the caller owns it.
    func open(_ socket: consuming Socket) {
        let number = socket.intoDescriptor().take()
        precondition(number == self.number)
        let isFree = self.update { $0.opened() }
        precondition(isFree, "a number comes back after its last connection was closed")
        self.isPastAnswer = false
        self.token = ConnectionToken(number: UInt32(number), generation: self.state.generation)
        self.deadline.store(CoarseClock.now() &+ self.configuration.headDeadline.nanoseconds, ordering: .releasing)
        self.control.withLock { $0.isOpen = true }
    }

    /// Has the poll report what happens on the connection, if it does not yet.
    func register(_ add: (CInt, ConnectionToken) -> Bool) -> Bool {
        guard !self.registered.load(ordering: .acquiring) else { return true }
        return self.control.withLock { control in
            guard !control.isRegistered else { return true }
            control.isRegistered = control.isOpen && add(self.number, self.token)
            self.registered.store(control.isRegistered, ordering: .releasing)
            return control.isRegistered
        }
    }

    /// Makes the task of a suspended handler known, unless its request is over.
    ///
    /// - Returns: Whether it should be cancelled now.
    func suspended(_ task: Task<Void, Never>, request: Int, register: (CInt, ConnectionToken) -> Bool) -> Bool {
        // The end of a request passes through this lock once its task is known, and without it the request's number tells.
        self.control.withLock { control in
            control.task = task
            let isCancelled = self.update { state -> Bool? in
                guard state.phase == .serving, self.finishedRequests.load(ordering: .acquiring) < request else { return nil }
                state.suspended()
                return state.isCancelled
            }
            guard let isCancelled else {
                control.task = nil
                return false
            }
            if !control.isRegistered {
                control.isRegistered = register(self.number, self.token)
                self.registered.store(control.isRegistered, ordering: .releasing)
            }
            return isCancelled
        }
    }

    /// Cancels the task of the running request, if it is known; may be called by others than the owner.
    func cancelTask(generation: UInt32) {
        let task = self.control.withLock { self.state.generation == generation ? $0.task : nil }
        task?.cancel()
    }

    /// Forgets the task of a request that is over.
    func forgetTask() {
        let task = self.control.withLock { $0.task.take() }
        // The task may end with its last reference, which must not happen under the lock.
        _ = task
    }

    /// Closes the connection, which the caller owns.
    func close() {
        let task = self.control.withLock { control in
            let task = control.task.take()
            let wasOpen = control.isOpen
            control = Control()
            self.registered.store(false, ordering: .releasing)
            // From here on the number's next connection may come, so the state has to be free before.
            self.update { $0.closed() }
            if wasOpen { _ = Glibc.close(self.number) }
            return task
        }
        _ = task
    }

    /// Does something with the poll while the number certainly belongs to the connection that is meant.
    func ifOpen(_ token: ConnectionToken, _ body: () -> Void) {
        self.control.withLock { control in
            if control.isRegistered, self.state.generation == token.generation { body() }
        }
    }

    /// Ends both directions, which wakes whoever is blocked on them; may be called by others than the owner.
    func shutDown(generation: UInt32) {
        self.control.withLock { control in
            guard control.isOpen, self.state.generation == generation else { return }
            _ = Glibc.shutdown(self.number, CInt(SHUT_RDWR))
        }
    }
}
