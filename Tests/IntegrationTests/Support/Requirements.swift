import Foundation

/// What the machine must have for these tests.
enum Requirements {
    /// The root of the package.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Where the programs are: `PARANOID_BIN_DIR`, else the folder of the test bundle.
    static let programs: String = {
        if let named = ProcessInfo.processInfo.environment["PARANOID_BIN_DIR"] { return named }
        let link = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        // The runner is the bundle itself, or a program of the toolchain that was given the bundle's path.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? link
        return URL(filePath: bundle).deletingLastPathComponent().path
    }()

    /// Whether nginx, curl and openssl are installed.
    static let areMet = ["nginx", "curl", "openssl"].allSatisfy { tool in
        ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
        }
    }

    /// The path of a tool, where one of these names is installed.
    static func path(of names: String...) -> String? {
        names.flatMap { name in ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"].map { "\($0)/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// PHP-FPM, whichever version there is.
    static let phpFPM = Self.path(of: "php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm8.1", "php-fpm")

    /// The environment of the programs that tests start: nothing of the machine's but what every program needs.
    static let environment = [
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        // Where the toolchain's libraries are found when they are not where the program was linked.
        "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
    ].filter { !$0.value.isEmpty }
}
