import Testing

@testable import ParanoidSessions

@Suite("Families of browsers")
struct UserAgentFamilyTests {
    @Test(
        "are told apart by what they say, without versions",
        arguments: [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome\nWindows"
            ),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge\nWindows"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox\nLinux"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "Safari\nmacOS"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile Safari/604.1", "Chrome\niOS"),
            ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome\nAndroid"),
            ("curl/8.1", "curl\n"), ("curl/8.2", "curl\n"), ("", "\n"), ("/", "\n"), ("Thief 1.0", "Thief\n"),
        ]
    )
    func families(_ field: String, _ family: String) {
        #expect(String(decoding: UserAgentFamily(Array(field.utf8)).bytes, as: UTF8.self) == family)
    }

    @Test("are read of any bytes, and of long fields only the beginning counts")
    func anything() {
        #expect(UserAgentFamily([0xFF, 0x00, 0x2F]).family == [0xFF, 0x00])
        let long = [UInt8](repeating: 0x78, count: 100_000) + Array("Firefox/1".utf8)
        #expect(UserAgentFamily(long).family.count == 512)
    }
}
