import Testing

@testable import ParanoidHTTP

@Suite("Client address")
struct ClientAddressTests {
    private let proxies = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"].compactMap { NetworkPrefix($0) }

    private func resolve(_ remote: String, _ forwarded: String?) -> String {
        ClientAddress.resolve(
            remoteAddress: remote,
            forwardedFor: forwarded.map { Array($0.utf8) },
            trustedProxies: self.proxies
        )
    }

    @Test(
        "is the peer unless a trusted proxy says otherwise",
        arguments: [
            ("203.0.113.9", "1.1.1.1", "203.0.113.9"), ("10.0.0.1", nil, "10.0.0.1"), ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
            ("192.0.2.1", "1.1.1.1", "1.1.1.1"), ("192.0.2.2", "1.1.1.1", "192.0.2.2"), ("unix:", "1.1.1.1", "unix:"), ("", "1.1.1.1", ""),
        ] as [(String, String?, String)]
    )
    func peer(_ remote: String, _ forwarded: String?, _ client: String) {
        #expect(self.resolve(remote, forwarded) == client)
    }

    @Test(
        "is the first from the right that is no proxy of ours",
        arguments: [
            ("9.9.9.9, 1.1.1.1", "1.1.1.1"), ("9.9.9.9, 1.1.1.1, 10.0.0.2", "1.1.1.1"), ("9.9.9.9,1.1.1.1 ,\t10.0.0.2 ", "1.1.1.1"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"), ("1.1.1.1, 2001:DB8::1", "1.1.1.1"), ("1.1.1.1, [2001:db8::1]:443", "1.1.1.1"),
            ("1.1.1.1:4711, 10.0.0.2", "1.1.1.1"), ("2001:db9::5", "2001:db9::5"), ("[2001:db9::5]:80", "2001:db9::5"),
        ]
    )
    func rightToLeft(_ forwarded: String, _ client: String) {
        #expect(self.resolve("10.0.0.1", forwarded) == client)
    }

    @Test(
        "is the last known speaker when an entry is no address",
        arguments: [
            "unknown", "", "9.9.9.9,", "9.9.9.9, _hidden", "9.9.9.9, 1.1.1.1x", "9.9.9.9, 01.1.1.1", "9.9.9.9,\u{A0}1.1.1.1",
            "9.9.9.9, [1.1.1.1",
            "9.9.9.9, 1.1.1.1:", "9.9.9.9, 1.1.1.1:123456", "9.9.9.9, ::1::",
        ]
    )
    func garbage(_ forwarded: String) {
        #expect(self.resolve("10.0.0.1", forwarded) == "10.0.0.1")
    }

    @Test("ignores the list when no proxy is trusted")
    func noProxies() {
        #expect(ClientAddress.resolve(remoteAddress: "10.0.0.1", forwardedFor: Array("1.1.1.1".utf8), trustedProxies: []) == "10.0.0.1")
    }

    @Test("looks at a bounded number of entries")
    func bounded() {
        let list = Array(repeating: "10.0.0.1", count: 5_000).joined(separator: ",")
        #expect(self.resolve("10.0.0.1", "1.1.1.1," + list) == "10.0.0.1")
    }

    @Test(
        "compares addresses by value",
        arguments: [
            ("::ffff:10.1.2.3", "10.1.2.3"), ("2001:db8:0:0:0:0:0:1", "2001:DB8::1"), ("::", "0:0:0:0:0:0:0:0"),
            ("::ffff:a01:203", "10.1.2.3"),
            ("1::", "1:0:0:0:0:0:0:0"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ]
    )
    func sameAddress(_ one: String, _ other: String) throws {
        let one = try #require(NetworkAddress(one))
        let other = try #require(NetworkAddress(other))
        #expect(one == other)
    }

    @Test(
        "refuses what is no address",
        arguments: [
            "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.-4", "1..2.3", "", ":", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::",
            ":::", "12345::",
            "g::", "1.2.3.4::", "::1.2.3", "fe80::1%eth0", "１.2.3.4",
        ]
    )
    func noAddress(_ text: String) {
        #expect(NetworkAddress(text) == nil)
    }

    @Test("knows the blocks of CIDR notation")
    func blocks() throws {
        let block = try #require(NetworkPrefix("192.168.128.0/17"))
        #expect(block.contains(try #require(NetworkAddress("192.168.255.1"))))
        #expect(!block.contains(try #require(NetworkAddress("192.168.127.1"))))
        let all = try #require(NetworkPrefix("0.0.0.0/0"))
        #expect(all.contains(try #require(NetworkAddress("8.8.8.8"))))
        #expect(!all.contains(try #require(NetworkAddress("2001:db8::1"))))
        let six = try #require(NetworkPrefix("2001:db8:8000::/33"))
        #expect(six.contains(try #require(NetworkAddress("2001:db8:ffff::1"))))
        #expect(!six.contains(try #require(NetworkAddress("2001:db8:1::1"))))
    }

    @Test(
        "refuses what is no block",
        arguments: [
            "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "/8", "10.0.0.0/8/8", "10.0.0.0/+8", "::/129", "10.0.0.0/-1", "",
        ]
    )
    func noBlock(_ text: String) {
        #expect(NetworkPrefix(text) == nil)
    }
}
