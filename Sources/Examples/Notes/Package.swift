// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the main package knows neither GRDB nor swift-mustache.
let package = Package(
    name: "Notes",
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.0"),
        .package(name: "ParanoidFastCGI", path: "../../.."),
    ],
    targets: [
        .executableTarget(
            name: "Notes",
            dependencies: [
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "ParanoidFastCGI", package: "ParanoidFastCGI"),
            ]
        ),
        .testTarget(
            name: "NotesTests",
            dependencies: ["Notes", .product(name: "ParanoidFastCGITesting", package: "ParanoidFastCGI")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
