internal import Glibc

extension MixingGenerator {
    mutating func uniform(_ low: Double, _ high: Double) -> Double { .random(in: low...high, using: &self) }

    mutating func chance(_ probability: Double) -> Bool { self.uniform(0, 1) < probability }

    /// A value with a heavy tail: the exponential of a normal one.
    mutating func logNormal(mean: Double, deviation: Double) -> Double {
        let radius = (-2 * Glibc.log(1 - self.uniform(0, 0.999_999_999))).squareRoot()
        return Glibc.exp(mean + deviation * radius * Glibc.cos(2 * .pi * self.uniform(0, 1)))
    }
}
