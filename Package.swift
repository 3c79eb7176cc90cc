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
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "ParanoidFastCGI",
    products: [
        .library(name: "ParanoidFastCGI", targets: ["ParanoidFastCGI"]),
        .library(name: "ParanoidFastCGITesting", targets: ["ParanoidFastCGITesting"]),
        .executable(name: "paranoid", targets: ["ParanoidTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // MARK: Operating system
        .systemLibrary(name: "CFCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
        .target(name: "CLinux"),
        .target(name: "LinuxSupport", dependencies: ["CLinux"], swiftSettings: settings),

        // MARK: Sessions
        .target(name: "SessionSecurity", dependencies: [crypto], swiftSettings: settings),
        .target(name: "SessionStorage", dependencies: ["SessionSecurity"], swiftSettings: settings),
        .target(
            name: "FileSessionStorage",
            dependencies: ["LinuxSupport", "SessionSecurity", "SessionStorage", logging],
            swiftSettings: settings
        ),

        // MARK: HTTP
        .target(name: "CGIMapping", dependencies: [httpTypes], swiftSettings: settings),
        .target(name: "HTTPHandling", dependencies: [httpTypes, logging], swiftSettings: settings),
        .target(
            name: "HTTPSessions",
            dependencies: ["HTTPHandling", "SessionSecurity", "SessionStorage", httpTypes, logging],
            swiftSettings: settings
        ),

        // MARK: Processes
        .target(name: "FastCGIServer", dependencies: ["CFCGI", "LinuxSupport", logging], swiftSettings: settings),
        .target(name: "WorkerSupervision", dependencies: ["LinuxSupport", logging], swiftSettings: settings),

        // MARK: Composition
        .target(
            name: "ParanoidFastCGI",
            dependencies: [
                "CGIMapping", "FastCGIServer", "FileSessionStorage", "HTTPHandling", "HTTPSessions", "LinuxSupport",
                "SessionSecurity", "SessionStorage", "WorkerSupervision", httpTypes, logging, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParanoidFastCGITesting",
            dependencies: ["LinuxSupport", "ParanoidFastCGI", "SessionSecurity", "SessionStorage"],
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
            dependencies: ["ParanoidFastCGI", "TheftSimulation"],
            path: "Sources/Examples/Demo",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "HelloWorld",
            dependencies: ["ParanoidFastCGI"],
            path: "Sources/Examples/HelloWorld",
            swiftSettings: settings
        ),

        // MARK: Tests
        .target(name: "TestTools", path: "Tests/TestTools", swiftSettings: settings),
        .target(name: "TraceReplay", path: "Tests/TraceReplay"),
        .executableTarget(
            name: "trace-server",
            dependencies: ["ParanoidFastCGI"],
            path: "Tests/TraceServer",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "store-stress",
            dependencies: ["FileSessionStorage", "LinuxSupport", "SessionSecurity", "SessionStorage", "TestTools", logging],
            path: "Tests/StoreStress",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "protection-cost",
            dependencies: [
                "FileSessionStorage", "HTTPHandling", "HTTPSessions", "LinuxSupport", "SessionSecurity", "SessionStorage", "TestTools",
                httpTypes, logging,
            ],
            path: "Tests/ProtectionCost",
            swiftSettings: settings
        ),
        .target(
            name: "TheftSimulation",
            dependencies: ["SessionSecurity", "TestTools"],
            path: "Tests/TheftSimulation",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "theft-simulator",
            dependencies: ["LinuxSupport", "SessionSecurity", "TestTools", "TheftSimulation"],
            path: "Tests/TheftSimulator",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "stress-server",
            dependencies: ["ParanoidFastCGI", serviceLifecycle, .product(name: "UnixSignals", package: "swift-service-lifecycle")],
            path: "Tests/StressServer",
            swiftSettings: settings
        ),
        .testTarget(name: "CGIMappingTests", dependencies: ["CGIMapping", httpTypes], swiftSettings: settings),
        .testTarget(name: "FastCGIServerTests", dependencies: ["FastCGIServer", "LinuxSupport", logging], swiftSettings: settings),
        .testTarget(
            name: "FileSessionStorageTests",
            dependencies: [
                "FileSessionStorage", "LinuxSupport", "ParanoidFastCGITesting", "SessionSecurity", "SessionStorage", logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "HTTPHandlingTests", dependencies: ["HTTPHandling", httpTypes, logging], swiftSettings: settings),
        .testTarget(
            name: "HTTPSessionsTests",
            dependencies: ["HTTPHandling", "HTTPSessions", "SessionSecurity", "SessionStorage", "TraceReplay", httpTypes, logging],
            swiftSettings: settings
        ),
        .testTarget(name: "IntegrationTests", swiftSettings: settings),
        .testTarget(name: "LinuxSupportTests", dependencies: ["LinuxSupport"], swiftSettings: settings),
        .testTarget(
            name: "ParanoidFastCGITests",
            dependencies: [
                "HTTPHandling", "ParanoidFastCGI", "ParanoidFastCGITesting", "SessionSecurity", logging, serviceLifecycle,
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "SessionSecurityTests", dependencies: ["SessionSecurity", "TraceReplay"], swiftSettings: settings),
        .testTarget(name: "SessionStorageTests", dependencies: ["SessionSecurity", "SessionStorage"], swiftSettings: settings),
        .testTarget(name: "WorkerSupervisionTests", dependencies: ["LinuxSupport", "WorkerSupervision", logging], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
