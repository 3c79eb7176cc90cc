import Testing

@testable import ParanoidSessions

@Suite("Places that take memory when they are used")
struct SparsePlacesTests {
    @Test("a place keeps what was put there, and looking at one takes no memory")
    func keeping() {
        var places = SparsePlaces<Int>(count: 1000)
        for place in 0..<1000 { #expect(places.withValue(at: place) { $0 } == nil) }
        #expect(places.allocatedCount == 0)
        for place in stride(from: 0, to: 1000, by: 7) { places.withValue(at: place) { $0 = place } }
        #expect(places.allocatedCount < 160)
        for place in 0..<1000 { #expect(places.withValue(at: place) { $0 } == (place % 7 == 0 ? place : nil)) }
        places.withValue(at: 7) { $0 = nil }
        #expect(places.withValue(at: 7) { $0 } == nil)
        let before = places.allocatedCount
        for round in 0..<1000 { places.withValue(at: 7) { $0 = round } }
        #expect(places.withValue(at: 7) { $0 } == 999)
        #expect(places.withValue(at: 14) { $0 } == 14)
        #expect(places.allocatedCount == before)
    }
}
