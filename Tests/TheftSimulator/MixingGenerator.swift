import Glibc

/// Numbers that follow from a seed (SplitMix64): every run plays the same.
struct MixingGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (self.state ^ (self.state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func uniform(_ low: Double, _ high: Double) -> Double { .random(in: low...high, using: &self) }

    mutating func chance(_ probability: Double) -> Bool { self.uniform(0, 1) < probability }

    /// A value with a heavy tail: the exponential of a normal one.
    mutating func logNormal(mean: Double, deviation: Double) -> Double {
        let radius = (-2 * Glibc.log(1 - self.uniform(0, 0.999_999_999))).squareRoot()
        return Glibc.exp(mean + deviation * radius * Glibc.cos(2 * .pi * self.uniform(0, 1)))
    }
}
