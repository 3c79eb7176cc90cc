// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(),
        // Set by Tests/run.sh: a newer compiler's warnings must not stop a user's build.
    ] + (Context.environment["PARANOID_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)])

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let inMemoryTracing = Target.Dependency.product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")

let package = Package(
    name: "ParanoidFastCGI",
    products: [
        .library(name: "ParanoidFastCGI", targets: ["ParanoidFastCGI"]),
        .library(name: "ParanoidFastCGITesting", targets: ["ParanoidFastCGITesting"]),
        .executable(name: "paranoid", targets: ["ParanoidTool"]),
    ],
    traits: [
        .trait(name: "Redis", description: "Sessions in Redis (PARANOID_STORE=redis://…); needs libhiredis-dev.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // MARK: Layer 0
        .systemLibrary(name: "CFCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
        .target(name: "CLinux"),
        // Without pkgConfig, so that nobody is told of a library that only the trait needs.
        .systemLibrary(name: "CHiredis"),

        // MARK: Layer 1
        .target(name: "ParanoidLinux", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "ParanoidHTTP", dependencies: [httpTypes, logging], swiftSettings: settings),

        // MARK: Layer 2
        .target(name: "ParanoidSessions", dependencies: ["ParanoidHTTP", crypto, httpTypes, logging], swiftSettings: settings),
        .target(name: "FileSessionStore", dependencies: ["ParanoidLinux", "ParanoidSessions", logging], swiftSettings: settings),
        // Its files are empty without the trait.
        .target(
            name: "RedisSessionStore",
            dependencies: [
                .target(name: "CHiredis", condition: .when(traits: ["Redis"])), "ParanoidLinux", "ParanoidSessions", crypto,
            ],
            swiftSettings: settings
        ),
        .target(name: "FastCGIServer", dependencies: ["CFCGI", "ParanoidLinux", logging], swiftSettings: settings),
        .target(name: "WorkerSupervisor", dependencies: ["ParanoidLinux", logging], swiftSettings: settings),

        // MARK: Layer 3
        .target(
            name: "ParanoidFastCGI",
            dependencies: [
                "FastCGIServer", "FileSessionStore", "ParanoidHTTP", "ParanoidLinux", "ParanoidSessions", "WorkerSupervisor", httpTypes,
                logging, metrics, serviceLifecycle, tracing, .target(name: "RedisSessionStore", condition: .when(traits: ["Redis"])),
            ],
            swiftSettings: settings
        ),

        // MARK: Layer 4
        .target(
            name: "ParanoidFastCGITesting",
            dependencies: ["ParanoidFastCGI", "ParanoidHTTP", "ParanoidLinux", "ParanoidSessions"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "ParanoidTool",
            dependencies: ["ParanoidFastCGI", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/paranoid",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "demo",
            dependencies: ["ParanoidFastCGI", "ParanoidFastCGITesting"],
            path: "Sources/Examples/Demo",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "HelloWorld",
            dependencies: ["ParanoidFastCGI"],
            path: "Sources/Examples/HelloWorld",
            swiftSettings: settings
        ),

        .executableTarget(
            name: "GuestBook",
            dependencies: ["ParanoidFastCGI", crypto, .product(name: "CryptoExtras", package: "swift-crypto")],
            path: "Sources/Examples/GuestBook",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "Upload",
            dependencies: ["ParanoidFastCGI"],
            path: "Sources/Examples/Upload",
            swiftSettings: settings
        ),

        // MARK: Tests
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),
        .target(name: "TraceReplay", path: "Tests/TraceReplay"),
        .executableTarget(
            name: "trace-server",
            dependencies: ["ParanoidFastCGI"],
            path: "Tests/TraceServer",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "store-stress",
            dependencies: ["FileSessionStore", "ParanoidFastCGITesting", "ParanoidLinux", "ParanoidSessions", logging],
            path: "Tests/StoreStress",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "redis-stress",
            dependencies: ["ParanoidSessions", "RedisSessionStore"],
            path: "Tests/RedisStress",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "protection-cost",
            dependencies: [
                "FileSessionStore", "ParanoidFastCGITesting", "ParanoidHTTP", "ParanoidLinux", "ParanoidSessions", httpTypes, logging,
            ],
            path: "Tests/ProtectionCost",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "operation-count",
            dependencies: [
                "ParanoidFastCGI", "ParanoidHTTP", "ParanoidLinux", "ParanoidSessions", "WorkerSupervisor", httpTypes, logging,
            ],
            path: "Tests/Benchmarks/Operations",
            swiftSettings: settings
        ),
        .executableTarget(name: "parser-fuzz", dependencies: ["ParanoidHTTP"], path: "Tests/ParserFuzz", swiftSettings: settings),
        .executableTarget(
            name: "theft-simulator",
            dependencies: ["ParanoidFastCGITesting", "ParanoidLinux", "ParanoidSessions", "TestSupport"],
            path: "Tests/TheftSimulator",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "stress-server",
            dependencies: ["ParanoidFastCGI", serviceLifecycle, .product(name: "UnixSignals", package: "swift-service-lifecycle")],
            path: "Tests/StressServer",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "life-program",
            dependencies: ["ParanoidFastCGI", inMemoryTracing, metrics, metricsTestKit, serviceLifecycle, tracing],
            path: "Tests/LifeProgram",
            swiftSettings: settings
        ),
        .testTarget(name: "FastCGIServerTests", dependencies: ["FastCGIServer", "ParanoidLinux", logging], swiftSettings: settings),
        .testTarget(
            name: "FileSessionStoreTests",
            dependencies: ["FileSessionStore", "ParanoidFastCGITesting", "ParanoidLinux", "ParanoidSessions", "TestSupport", logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GuestBookTests",
            dependencies: ["GuestBook", "ParanoidFastCGI", "ParanoidFastCGITesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["TestSupport"],
            exclude: ["Support/old-filter.py"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParanoidFastCGITests",
            dependencies: [
                "FileSessionStore", "ParanoidFastCGI", "ParanoidFastCGITesting", "ParanoidHTTP", "ParanoidLinux", "ParanoidSessions",
                "TestSupport", "WorkerSupervisor", inMemoryTracing, logging, metrics, metricsTestKit, serviceLifecycle, tracing,
                .target(name: "RedisSessionStore", condition: .when(traits: ["Redis"])),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "ParanoidHTTPTests", dependencies: ["ParanoidHTTP", httpTypes, logging], swiftSettings: settings),
        .testTarget(name: "ParanoidLinuxTests", dependencies: ["ParanoidLinux"], swiftSettings: settings),
        .testTarget(
            name: "ParanoidSessionsTests",
            dependencies: ["ParanoidHTTP", "ParanoidSessions", "TraceReplay", httpTypes, logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "RedisSessionStoreTests",
            dependencies: [
                "FileSessionStore", "ParanoidFastCGI", "ParanoidFastCGITesting", "ParanoidLinux", "ParanoidSessions", "RedisSessionStore",
                "TestSupport", "redis-stress", logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "UploadTests",
            dependencies: ["FileSessionStore", "ParanoidFastCGI", "ParanoidFastCGITesting", "Upload"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WorkerSupervisorTests",
            dependencies: ["ParanoidLinux", "TestSupport", "WorkerSupervisor", logging],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
