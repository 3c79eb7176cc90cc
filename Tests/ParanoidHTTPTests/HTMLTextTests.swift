import ParanoidHTTP
import Testing

@Suite("Text in pages of the library")
struct HTMLTextTests {
    @Test("is escaped also where a combining mark follows, which makes one character of both")
    func marks() {
        #expect(HTMLText.escaped("&<>\"'") == "&amp;&lt;&gt;&quot;&#39;")
        #expect(HTMLText.escaped("\"\u{301}<\u{338}b") == "&quot;\u{301}&lt;\u{338}b")
    }
}
