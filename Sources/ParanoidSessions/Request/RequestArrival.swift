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
        let parameters = request.parameters
        guard let passedOn = Self.milliseconds(parameters.bytes(of: "REQUEST_BEGAN")),
            let taken = Self.milliseconds(parameters.bytes(of: "REQUEST_TAKEN"))
        else { return request.receivedAtNanoseconds }
        return (passedOn - taken) * 1_000_000
    }

    /// Seconds with three places, in milliseconds; `nil` for anything else.
    private static func milliseconds(_ text: [UInt8]?) -> Int64? {
        guard let text, 5...15 ~= text.count, text[text.count - 4] == UInt8(ascii: ".") else { return nil }
        var value: Int64 = 0
        for (index, byte) in text.enumerated() where index != text.count - 4 {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
