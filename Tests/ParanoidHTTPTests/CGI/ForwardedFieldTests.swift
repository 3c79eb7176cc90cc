import Testing

@testable import ParanoidHTTP

@Suite("The field Forwarded")
struct ForwardedFieldTests {
    private let proxies = ["10.0.0.0/8", "2001:db8::/32"].compactMap { NetworkPrefix($0) }

    private func elements(_ text: String) -> [ForwardedField.Element]? { ForwardedField.elements(of: Array(text.utf8)) }

    private func resolve(_ text: String?, peer: String = "10.0.0.1") -> (address: String, isSecure: Bool?) {
        ClientAddress.resolve(remoteAddress: peer, forwarded: text.map { Array($0.utf8) }, trustedProxies: self.proxies)
    }

    @Test("is a list of elements with parameters, some quoted (RFC 7239, section 4)")
    func parts() {
        let node = { (text: String) -> [UInt8]? in Array(text.utf8) }
        #expect(self.elements("for=192.0.2.60;proto=http;by=203.0.113.43") == [.init(node: node("192.0.2.60"), isSecure: false)])
        #expect(self.elements("For=\"[2001:db8:cafe::17]:4711\"") == [.init(node: node("[2001:db8:cafe::17]:4711"), isSecure: nil)])
        #expect(
            self.elements("for=192.0.2.43, FOR=\"_gaz\\\"onk\" ; PROTO=HTTPS")
                == [.init(node: node("192.0.2.43"), isSecure: nil), .init(node: node("_gaz\"onk"), isSecure: true)]
        )
    }

    @Test(
        "that is malformed says nothing",
        arguments: [
            "", ",", "for", "for=", "=a", "for=a,", "for=a;", "for=a;for=b", "for=\"a", "for=\"a\\", "for =a", "for= a", "for=a b",
            "for=a\u{0}",
            Array(repeating: "for=a", count: 33).joined(separator: ","),
        ]
    )
    func malformed(_ text: String) {
        #expect(self.elements(text) == nil)
    }

    @Test("names the client from right to left, for as long as a trusted proxy speaks")
    func client() {
        #expect(self.resolve("for=1.1.1.1;proto=https") == ("1.1.1.1", true))
        #expect(self.resolve("for=6.6.6.6;proto=http, for=1.1.1.1;proto=https") == ("1.1.1.1", true), "what stands left is invented")
        #expect(self.resolve("for=1.1.1.1;proto=https, for=\"[2001:db8::1]\";proto=http") == ("1.1.1.1", true))
        #expect(self.resolve("for=1.1.1.1, for=_hidden;proto=https") == ("10.0.0.1", nil))
        #expect(self.resolve("for=1.1.1.1;proto=https", peer: "9.9.9.9") == ("9.9.9.9", nil))
        #expect(self.resolve(nil) == ("10.0.0.1", nil))
    }

    @Test("X-Forwarded-Proto says https only when all its entries do")
    func protocols() {
        for (text, isSecure) in [
            ("https", true), ("HTTPS", true), (" https ,\thttps", true), ("http", false), ("https, http", false), ("", false),
            ("https,", false),
        ] {
            #expect(ForwardedField.saysSecure(Array(text.utf8)) == isSecure, "\(text)")
        }
    }
}
