import Testing

@testable import ParanoidLinux

@Suite("Descriptor poll")
struct DescriptorPollTests {
    @Test("finds what is readable and what has ended")
    func readiness() throws {
        let silent = try DescriptorPair.pipe(nonblocking: true)
        let written = try DescriptorPair.pipe(nonblocking: true)
        let ended = try DescriptorPair.pipe(nonblocking: true).takeReading()
        try written.writing.write(byte: 7)
        let numbers = [silent.reading.number, written.reading.number, ended.number]
        #expect(try DescriptorPoll.wait(for: numbers, timeout: nil) == [1, 2])
        #expect(try DescriptorPoll.wait(for: [silent.reading.number], timeout: .zero) == [])
        #expect(silent.reading.readAvailable(limit: 8) == nil)
        #expect(written.reading.readAvailable(limit: 8) == [7])
        #expect(ended.readAvailable(limit: 8) == [])
    }

    @Test(
        "rounds its time-out up to milliseconds",
        arguments: [
            (Duration.zero, CInt(0)), (.nanoseconds(1), 1), (.milliseconds(1), 1), (.microseconds(1_001), 2), (.seconds(2), 2_000),
            (.seconds(-1), 0), (.milliseconds(-1), 0), (.seconds(1_000_000_000), 1_000_000_000),
        ]
    )
    func rounding(timeout: Duration, milliseconds: CInt) {
        #expect(DescriptorPoll.milliseconds(timeout) == milliseconds)
    }

    @Test("waits for ever without a time-out")
    func forever() {
        #expect(DescriptorPoll.milliseconds(nil) == -1)
    }
}

@Suite("An epoll")
struct EpollTests {
    @Test("gives as many events as are wanted and leaves the others")
    func several() throws {
        let poll = try Epoll()
        let first = try EventFD()
        let second = try EventFD()
        let third = try EventFD()
        for (tag, number) in [first.descriptor.number, second.descriptor.number, third.descriptor.number].enumerated() {
            try poll.add(number, tag: UInt64(tag), interest: [.readable, .edge])
        }
        first.signal()
        second.signal()
        third.signal()
        var tags: [UInt64] = []
        let one = try #require(poll.wait(milliseconds: 0, atMost: 2) { tags.append($0.tag) })
        tags.append(one.tag)
        #expect(tags.count == 2)
        let last = try #require(poll.wait(milliseconds: 0, atMost: 100) { tags.append($0.tag) })
        #expect(Set(tags + [last.tag]) == [0, 1, 2])
        #expect(poll.wait(milliseconds: 0, atMost: 100) == nil)
    }
}
