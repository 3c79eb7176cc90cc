#if Redis
import Testing

@testable import RedisSessionStore

@Suite("Addresses of a Redis")
struct RedisAddressTests {
    @Test(
        "are read with host, port and database",
        arguments: [
            ("redis://h", "h:6379", 0), ("redis://10.0.0.1:7000", "10.0.0.1:7000", 0), ("redis://h/3", "h:6379", 3),
            ("redis://h/", "h:6379", 0),
            ("redis://[::1]:7", "[::1]:7", 0), ("redis://[fe80::1%eth0]", "[fe80::1%eth0]:6379", 0),
            ("redis+unix:/run/r.sock", "/run/r.sock", 0),
            ("redis+unix:///run/r%20s.sock?timeout=5", "/run/r s.sock", 0),
        ]
    )
    func places(_ text: String, _ place: String, _ database: Int) throws {
        let address = try RedisAddress(text)
        #expect(address.endpoints.map(\.description) == [place])
        #expect(address.database == database)
        #expect(address.topology == .single)
        #expect(!address.isEncrypted)
        #expect(address.credentials == nil)
    }

    @Test("are read with several servers and options")
    func options() throws {
        let cluster = try RedisAddress("rediss://a,b:2,[::3]:4?cluster&prefix=shop.1&timeout=7&wait=2")
        #expect(cluster.endpoints.map(\.description) == ["a:6379", "b:2", "[::3]:4"])
        #expect(cluster.topology == .cluster)
        #expect(cluster.isEncrypted)
        #expect(cluster.prefix == "shop.1")
        #expect(cluster.timeout == .seconds(7))
        #expect(cluster.waitCount == 2)
        let sentinel = try RedisAddress("redis://a:26379,b:26379/2?sentinel=my%2Dmaster")
        #expect(sentinel.topology == .sentinel(master: "my-master"))
        #expect(sentinel.database == 2)
    }

    @Test("give the password to the server and to nobody else")
    func credentials() throws {
        let address = try RedisAddress("redis://ann:p%40ss:w%2Frd@h:1")
        let credentials = try #require(address.credentials)
        #expect(credentials.command.map { String(decoding: $0, as: UTF8.self) } == ["AUTH", "ann", "p@ss:w/rd"])
        #expect(try RedisAddress("redis://:only@h").credentials?.command.map { String(decoding: $0, as: UTF8.self) } == ["AUTH", "only"])
        #expect(try RedisAddress("redis+unix://u:s@/run/x").credentials?.user == "u")
        #expect(!"\(address)".contains("p@ss"))
        #expect(!String(reflecting: address).contains("p@ss"))
        #expect(credentials != (try RedisAddress("redis://ann:p%40ss:w%2Frc@h:1").credentials))
        #expect(credentials == (try RedisAddress("redis://ann:p%40ss:w%2Frd@other").credentials))
    }

    @Test(
        "that cannot be used are refused with the reason",
        arguments: [
            ("", RedisAddressError.unknownScheme), ("http://h", .unknownScheme), ("redis:h", .unknownScheme), ("redis://", .badHost),
            ("redis://a b", .unprintable), ("redis://h:0", .badPort), ("redis://h:65536", .badPort), ("redis://h:", .badPort),
            ("redis://h:+1", .badPort), ("redis://h/x", .badDatabase), ("redis://h/1/2", .badDatabase), ("redis://a,b", .severalServers),
            ("redis://a,,b?cluster", .badHost), ("redis://a/1?cluster", .databaseOfCluster), ("redis+unix:/x?cluster", .socketOfSeveral),
            ("redis+unix:x", .badPath), ("redis+unix:", .badPath), ("redis://u@h", .badCredentials), ("redis://u:@h", .badCredentials),
            ("redis://u:%zz@h", .badCredentials), ("redis://h?cluster&sentinel=m", .twoTopologies),
            ("redis://h?cluster&cluster", .twoTopologies),
            ("redis://h?cluster=1", .badOption("cluster")), ("redis://h?sentinel=", .badOption("sentinel")),
            ("redis://h?prefix={x}", .badOption("prefix")), ("redis://h?timeout=0", .badOption("timeout")),
            ("redis://h?wait=0", .badOption("wait")), ("redis://h?wait", .badOption("wait")), ("redis://h?timeout", .badOption("timeout")),
            ("redis://h?x=1", .unknownOption("x")), ("redis://h?", .unknownOption("")),
            ("redis://[::1", .badHost), ("redis://[::1]x", .badHost), ("redis://a:b:1", .badPort), ("redis://a_!", .badHost),
        ]
    )
    func refused(_ text: String, _ reason: RedisAddressError) {
        #expect(throws: reason) { try RedisAddress(text) }
        #expect(!reason.description.isEmpty)
    }
}
#endif
