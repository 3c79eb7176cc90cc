/// How many requests a worker serves before it asks for a successor.
package enum RequestQuota {
    /// The allowance of the worker of a slot: between three quarters of the maximum and all of it.
    ///
    /// Workers that share the load evenly would otherwise all ask at the same moment. Slots are spread by the golden ratio, so that any
    /// number of neighbours is far apart, and slot 0 has the maximum.
    package static func requests(maximum: Int, slot: Int) -> Int {
        let spread = maximum / 4
        let part = UInt64(slot) &* 0x9E37_79B9 & 0xFFFF_FFFF
        return max(1, maximum - Int((UInt64(spread) * part) >> 32))
    }
}
