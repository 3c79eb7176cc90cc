import Testing

@testable import ParanoidFastCGI

@Suite("The version of a library")
struct LibraryVersionTests {
    private static let list = """
        Package: libfcgi-dev
        Status: install ok installed
        Version: 2.4.1-1

        Package: other
        Status: deinstall ok config-files
        Version: 9

        Package: libfcgi0ldbl
        Status: install ok installed
        Depends: libc6 (>= 2.7)
        Version: 1:2.4.2-2+deb12u1

        Package: last
        Version: 3
        Status: install ok installed
        """

    @Test(
        "is found in the list of packages, if the package is installed",
        arguments: [("libfcgi0ldbl", "2.4.2"), ("libfcgi-dev", "2.4.1"), ("other", nil), ("libfcgi", nil)] as [(String, String?)]
    )
    func packages(_ name: String, _ version: String?) {
        #expect(LibraryVersion.of(name, inPackages: Self.list)?.description == version)
    }

    @Test(
        "is compared number by number",
        arguments: [
            ("2.4.0-8", true), ("2.4", true), ("2.4.2", false), ("2.4.10", false), ("2.10", false), ("1:2.4.1", true), ("3", false),
        ]
    )
    func order(_ text: String, _ isOlder: Bool) throws {
        let version = try #require(LibraryVersion(text))
        #expect((version < .testedLibfcgi) == isOlder)
        #expect(LibraryVersion("unknown") == nil)
    }
}
