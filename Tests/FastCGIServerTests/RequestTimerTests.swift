import Testing

@testable import FastCGIServer

@Suite("Time of a request")
struct RequestTimerTests {
    @Test("first cancels and then gives up, each once")
    func stages() {
        let timer = RequestTimer(now: 1_000, allowing: .nanoseconds(100), grace: .nanoseconds(50))
        #expect(timer.expire(now: 1_099) == nil && !timer.isOverdue)
        #expect(timer.expire(now: 1_100) == .cancel && timer.isOverdue)
        #expect(timer.expire(now: 1_149) == nil)
        #expect(timer.expire(now: 1_150) == .giveUp)
        #expect(timer.expire(now: 9_999) == nil && timer.isOverdue)
    }

    @Test("is that of its deadline, however late somebody looks")
    func late() {
        let timer = RequestTimer(now: 0, allowing: .nanoseconds(100), grace: .nanoseconds(50))
        #expect(timer.expire(now: 1_000) == .cancel)
        #expect(timer.expire(now: 1_000) == .giveUp)
    }
}
