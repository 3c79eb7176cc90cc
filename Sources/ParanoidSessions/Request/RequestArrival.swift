package import ParanoidHTTP

/// When a request arrived, for the rules that tell what its client can have shown by then.
///
/// The arrival of a request is when the web server began to receive it: an upload, a queue, a busy worker and the web server's second try
/// come after that, and the cookies were chosen before. The web server says so in two parameters; without them the time counts at which the
/// request's head was seen here.
package struct RequestArrival: Sendable {
    /// The time.
    package var time: Timestamp
    /// Whether it arrived even earlier, see ``GuardSettings/arrivalBound``.
    package var isCut: Bool

    /// When a request began to arrive by the system's clock, in nanoseconds since 1970; `nil` when nobody says.
    ///
    /// `REQUEST_BEGAN` is the web server's time when it passed the request on (nginx: `$msec`), `REQUEST_TAKEN` how long it had taken so far
    /// (`$request_time`): both seconds with three places, and both made once, also when the web server asks another worker.
    package static func nanosecondsSinceEpoch(of request: Request) -> Int64? {
        // For each request, also one that needs no session: without generic functions.
        var (passedOn, taken): (Int64?, Int64?)
        request.parameters.lend("REQUEST_BEGAN") { passedOn = Self.milliseconds($0) }
        guard let passedOn else { return request.receivedAtNanoseconds }
        request.parameters.lend("REQUEST_TAKEN") { taken = Self.milliseconds($0) }
        // Longer than there are clocks, or a time that no clock shows: that says nothing.
        guard let taken, taken <= passedOn else { return request.receivedAtNanoseconds }
        let (nanoseconds, isOverflow) = (passedOn - taken).multipliedReportingOverflow(by: 1_000_000)
        return isOverflow ? request.receivedAtNanoseconds : nanoseconds
    }

    /// Seconds with three places, in milliseconds; `nil` for anything else.
    private static func milliseconds(_ text: RawSpan?) -> Int64? {
        guard let text, 5...15 ~= text.byteCount, text.byte(at: text.byteCount - 4) == UInt8(ascii: ".") else { return nil }
        var value: Int64 = 0
        for index in 0..<text.byteCount where index != text.byteCount - 4 {
            let byte = text.byte(at: index)
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
