import Testing

@testable import ParanoidHTTP

@Suite("Cookies of a response")
struct SetCookieTests {
    private let now = HTTPDate(secondsSinceUnixEpoch: 784_111_777)

    @Test("are written with everything that protects them")
    func form() throws {
        let cookie = try SetCookie(name: "id", value: "x", maxAge: .seconds(60))
        #expect(
            cookie.fieldValue(now: self.now)
                == "id=x; Path=/; Max-Age=60; Expires=Sun, 06 Nov 1994 08:50:37 GMT; Secure; HttpOnly; SameSite=Lax"
        )
    }

    @Test("have the attributes they are given")
    func attributes() throws {
        let cookie = try SetCookie(
            name: "id",
            value: "\"q\"",
            path: "/app",
            domain: ".example.org",
            secure: false,
            httpOnly: false,
            sameSite: .strict
        )
        #expect(cookie.fieldValue(now: self.now) == "id=\"q\"; Path=/app; Domain=example.org; SameSite=Strict")
        let bare = try SetCookie(name: "id", value: "", path: nil, secure: false, httpOnly: false, sameSite: nil)
        #expect(bare.fieldValue(now: self.now) == "id=")
    }

    @Test("to be forgotten repeat the attributes and end at once")
    func deletion() throws {
        let cookie = try SetCookie.deleting("__Host-id")
        #expect(
            cookie.fieldValue(now: self.now)
                == "__Host-id=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax"
        )
        #expect(throws: CookieError.needsHostOnly) { try SetCookie.deleting("__Host-id", path: "/x") }
    }

    @Test("have names that are tokens", arguments: ["", "a b", "a;b", "a=b", "a\r\nb", "a\u{0}", "\u{212A}", "a\t", "\"a\"", "a,b", "ü"])
    func badName(_ name: String) {
        #expect(throws: CookieError.invalidName) { try SetCookie(name: name, value: "x") }
    }

    @Test(
        "have values of cookie octets",
        arguments: [
            "a b", "a;b", "a,b", "a\\b", "a\"b", "\"", "\"a", "a\r\nb", "a\r", "a\n", "\u{0}", "ü", "a\u{37E}b", "\u{7F}", "a;\u{301}",
        ]
    )
    func badValue(_ value: String) {
        #expect(throws: CookieError.invalidValue) { try SetCookie(name: "a", value: value) }
    }

    @Test("are small enough for browsers")
    func size() throws {
        _ = try SetCookie(name: "ab", value: String(repeating: "x", count: 4094))
        #expect(throws: CookieError.tooLarge) { try SetCookie(name: "ab", value: String(repeating: "x", count: 4095)) }
        #expect(throws: CookieError.tooLarge) { try SetCookie(name: "a", value: "", path: "/" + String(repeating: "x", count: 1024)) }
    }

    @Test("have paths and domains that are such")
    func pathAndDomain() {
        for path in ["", "a", "/a;b", "/a\r\n", "/\u{0}", "/ü"] {
            #expect(throws: CookieError.invalidPath) { try SetCookie(name: "a", value: "", path: path) }
        }
        for domain in ["", ".", "..a", "a..b", "-a", "a-", "a b", "a;b", "a\r\nb", "exämple.org", "a/b", "a:1", "*.a"] {
            #expect(throws: CookieError.invalidDomain) { try SetCookie(name: "a", value: "", domain: domain) }
        }
    }

    @Test("live 400 days at most")
    func age() throws {
        _ = try SetCookie(name: "a", value: "", maxAge: .seconds(34_560_000))
        #expect(throws: CookieError.livesTooLong) { try SetCookie(name: "a", value: "", maxAge: .seconds(34_560_001)) }
        let far = try SetCookie(name: "a", value: "", expires: HTTPDate(secondsSinceUnixEpoch: .max))
        let cap = self.now.advanced(bySeconds: 34_560_000)
        #expect(far.fieldValue(now: self.now).contains("Expires=\(cap.text);"))
    }

    @Test("are not deleted by an age under a second")
    func shortAge() throws {
        #expect(try SetCookie(name: "a", value: "", maxAge: .milliseconds(1)).fieldValue(now: self.now).contains("Max-Age=1;"))
        #expect(try SetCookie(name: "a", value: "", maxAge: .seconds(-5)).fieldValue(now: self.now).contains("Max-Age=0;"))
    }

    @Test("obey the rules of their prefixes, however these are spelled")
    func prefixes() throws {
        for name in ["__Host-a", "__host-a", "__HOST-a", "__Secure-a", "__secure-a", "__Http-a", "__Host-Http-a"] {
            _ = try SetCookie(name: name, value: "x")
            #expect(throws: CookieError.needsSecure) { try SetCookie(name: name, value: "x", secure: false) }
        }
        for name in ["__Host-a", "__hOST-a", "__Host-Http-a"] {
            #expect(throws: CookieError.needsHostOnly) { try SetCookie(name: name, value: "x", path: "/a") }
            #expect(throws: CookieError.needsHostOnly) { try SetCookie(name: name, value: "x", path: nil) }
            #expect(throws: CookieError.needsHostOnly) { try SetCookie(name: name, value: "x", domain: "example.org") }
        }
        for name in ["__Http-a", "__Host-Http-a", "__host-http-a"] {
            #expect(throws: CookieError.needsHTTPOnly) { try SetCookie(name: name, value: "x", httpOnly: false) }
        }
        _ = try SetCookie(name: "__Host", value: "x", path: "/a", secure: false)
    }

    @Test("for all sites have to be secure")
    func sameSite() throws {
        #expect(throws: CookieError.needsSecure) { try SetCookie(name: "a", value: "", secure: false, sameSite: SetCookie.SameSite.none) }
        #expect(try SetCookie(name: "a", value: "", sameSite: SetCookie.SameSite.none).fieldValue(now: self.now).hasSuffix("SameSite=None"))
    }

    @Test("do not show their values when they are printed")
    func redaction() throws {
        #expect(!"\(try SetCookie(name: "a", value: "secret"))".contains("secret"))
    }
}

@Suite("HTTP date")
struct HTTPDateTests {
    @Test(
        "has the fixed form",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)]
    )
    func form(_ seconds: Int64, _ text: String) {
        #expect(HTTPDate(secondsSinceUnixEpoch: seconds).text == text)
    }

    @Test("counts one day after the other, as a calendar does")
    func everyDay() {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var day = 0 as Int64
        for year in 1970..<2110 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (index, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                // The first and the last two days of a month say enough about those between them.
                for date in [1, length - 1, length] {
                    let text = HTTPDate(secondsSinceUnixEpoch: (day + Int64(date) - 1) * 86_400).text
                    #expect(text.dropFirst(5) == "\(date < 10 ? "0" : "")\(date) \(months[index]) \(year) 00:00:00 GMT")
                }
                day += Int64(length)
            }
        }
    }

    @Test("does not overflow")
    func overflow() {
        let date = HTTPDate(secondsSinceUnixEpoch: 5)
        #expect(date.advanced(bySeconds: .max).text.hasPrefix("Fri, 31 Dec 9999"))
        #expect(date.advanced(bySeconds: .min).secondsSinceUnixEpoch == 0)
    }
}
