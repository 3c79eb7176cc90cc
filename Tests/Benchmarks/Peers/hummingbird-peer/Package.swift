// swift-tools-version: 6.1
import PackageDescription

// A peer of the benchmarks, in a package of its own: built by Tests/Benchmarks/bench.py, never by the gate.
let package = Package(
    name: "peer",
    platforms: [.macOS(.v14)],
    dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1")],
    targets: [.executableTarget(name: "peer", dependencies: [.product(name: "Hummingbird", package: "hummingbird")])]
)
