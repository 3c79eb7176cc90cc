internal import ParanoidLinux
internal import Synchronization

/// Lets a number of lines a second into a log, and says how many were left out: clients must not be able to fill a disk.
final class LineRate: Sendable {
    private struct State {
        var second: Int64 = .min
        var lines = 0
        var leftOut = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    init(perSecond limit: Int = 10) {
        self.limit = limit
    }

    /// Asks for one line.
    ///
    /// - Parameter now: Nanoseconds of a clock that does not go back.
    /// - Returns: How many lines were left out since the last one; `nil`: this one is left out as well.
    func next(now: Int64 = CoarseClock.now()) -> Int? {
        self.state.withLock { state in
            let second = now / 1_000_000_000
            if second != state.second {
                state.second = second
                state.lines = 0
            }
            guard state.lines < self.limit else {
                state.leftOut += 1
                return nil
            }
            state.lines += 1
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
