internal import ParanoidLinux

/// The version of a library: numbers between points, such as 2.4.2.
package struct LibraryVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The libfcgi that the server is tested with; older ones wait with select(2) and write beyond its set of descriptors.
    static let testedLibfcgi = LibraryVersion(numbers: [2, 4, 2])

    let numbers: [Int]

    package var description: String { self.numbers.map(String.init).joined(separator: ".") }

    package static func < (lhs: LibraryVersion, rhs: LibraryVersion) -> Bool { lhs.numbers.lexicographicallyPrecedes(rhs.numbers) }

    /// The numbers at the beginning of a text, behind an epoch (`1:2.4.2-2+deb12u1`).
    package init?(_ text: some StringProtocol) {
        let text = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
        let numbers = text.prefix { $0 == "." || $0.isASCII && $0.isNumber }.split(separator: ".").compactMap { Int($0) }
        guard !numbers.isEmpty else { return nil }
        self.numbers = numbers
    }

    private init(numbers: [Int]) { self.numbers = numbers }

    /// The version of a Debian package that is installed, as the list of packages has it (`/var/lib/dpkg/status`).
    package static func of(_ package: String, inPackages list: String) -> LibraryVersion? {
        var isWanted = false
        var isInstalled = false
        for line in list.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty { (isWanted, isInstalled) = (false, false) }
            if line == "Package: \(package)" { isWanted = true }
            if line == "Status: install ok installed" { isInstalled = true }
            if isWanted, isInstalled, line.hasPrefix("Version: ") { return LibraryVersion(line.dropFirst(9)) }
        }
        return nil
    }

    /// That of libfcgi on this machine; `nil` where no Debian package tells.
    static func ofLibfcgi() -> LibraryVersion? {
        TextFile.contents(of: "/var/lib/dpkg/status", limit: 64 << 20).flatMap { Self.of("libfcgi0ldbl", inPackages: $0) }
    }
}
