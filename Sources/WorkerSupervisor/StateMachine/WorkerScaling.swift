/// How many workers there should be, as a function of how busy they were: pure, it is given every sample.
///
/// More come quickly, when the threads there are were nearly all wanted for two looks in a slot; one at a time, so that each can show what it is good for.
/// Fewer come slowly: one at a time, when for a long while one worker less would have been enough with room to spare. The two bounds are far
/// apart, so that the number of workers does not swing.
package struct WorkerScaling: Sendable, Hashable {
    /// The rules.
    package struct Rules: Sendable, Hashable {
        /// The fewest workers.
        package var minimum: Int
        /// The most.
        package var maximum: Int
        /// The part of the threads from which on more workers are wanted.
        package var busy: Double
        /// The part of the threads of one worker less below which that would be enough.
        package var calm: Double
        /// How many busy looks in a slot bring one worker more.
        package var busySamples: Int
        /// How long it has to be calm before there is one worker less.
        package var calmPeriod: Duration

        package init(
            minimum: Int,
            maximum: Int,
            busy: Double = 0.8,
            calm: Double = 0.5,
            busySamples: Int = 2,
            calmPeriod: Duration = .seconds(30)
        ) {
            precondition(minimum >= 1 && maximum >= minimum, "no sensible number of workers")
            self.minimum = minimum
            self.maximum = maximum
            self.busy = busy
            self.calm = calm
            self.busySamples = busySamples
            self.calmPeriod = calmPeriod
        }
    }

    /// What all workers that serve said since the last sample, added up.
    package struct LoadSample: Sendable, Hashable {
        /// Threads that were wanted, over all samples: those that did something, and jobs that waited for one.
        package var demand: UInt64
        /// Threads there were, over all samples.
        package var capacity: UInt64

        package init(demand: UInt64, capacity: UInt64) {
            self.demand = demand
            self.capacity = capacity
        }
    }

    private let rules: Rules
    private var busySamples = 0
    private var calmSince: Duration?

    /// Starts without a sample.
    package init(_ rules: Rules) {
        self.rules = rules
    }

    /// Takes a sample into account.
    ///
    /// - Parameters:
    ///   - sample: What was measured; one without capacity says nothing.
    ///   - workers: How many there are to be at present.
    ///   - serving: How many of them serve; while one is coming, nothing is changed.
    ///   - now: A distance from an arbitrary start.
    /// - Returns: How many there are to be from now on; `nil`: as many as before.
    package mutating func workers(after sample: LoadSample, workers: Int, serving: Int, at now: Duration) -> Int? {
        if workers < self.rules.minimum { return self.change(to: self.rules.minimum) }
        if workers > self.rules.maximum { return self.change(to: self.rules.maximum) }
        guard sample.capacity > 0, serving == workers else {
            self.busySamples = 0
            self.calmSince = nil
            return nil
        }
        let load = Double(sample.demand) / Double(sample.capacity)
        self.busySamples = load >= self.rules.busy ? self.busySamples + 1 : 0
        if self.busySamples >= self.rules.busySamples, workers < self.rules.maximum { return self.change(to: workers + 1) }

        let isCalm = workers > self.rules.minimum && load * Double(workers) < self.rules.calm * Double(workers - 1)
        guard isCalm else {
            self.calmSince = nil
            return nil
        }
        guard let since = self.calmSince else {
            self.calmSince = now
            return nil
        }
        return now - since >= self.rules.calmPeriod ? self.change(to: workers - 1) : nil
    }

    private mutating func change(to workers: Int) -> Int {
        self.busySamples = 0
        self.calmSince = nil
        return workers
    }
}
