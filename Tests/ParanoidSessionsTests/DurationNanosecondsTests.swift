import Testing

@testable import ParanoidSessions

@Suite("Durations in nanoseconds")
struct DurationNanosecondsTests {
    @Test(
        "are cut below them and end at the limits",
        arguments: [
            (.zero, 0), (.seconds(9), 9_000_000_000), (.seconds(1_209_600), 1_209_600_000_000_000), (.seconds(-20), -20_000_000_000),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999), 1),
            (Duration(secondsComponent: 0, attosecondsComponent: -1_999_999_999), -1),
            (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
        ] as [(Duration, Int64)]
    )
    func whole(_ duration: Duration, _ nanoseconds: Int64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }

    @Test("come from a number and are divided", arguments: [0, 1, -1, 10_000_000_007, -9, .max, .min] as [Int64])
    func made(_ nanoseconds: Int64) {
        let duration = Duration(wholeNanoseconds: nanoseconds)
        #expect(duration == .nanoseconds(nanoseconds))
        #expect(duration.divided(by: 10) == duration / 10)
        #expect(Timestamp(secondsSinceEpoch: 0).advanced(byNanoseconds: nanoseconds).nanosecondsSinceEpoch == nanoseconds)
    }
}
