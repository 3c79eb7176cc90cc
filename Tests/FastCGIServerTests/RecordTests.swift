import Testing

@testable import FastCGIServer

@Suite("Bytes written without libfcgi")
struct RecordTests {
    @Test("end a request with its statuses")
    func end() {
        #expect(
            FastCGIRecord.end(of: 258, status: .unknownRole, applicationStatus: 0x0102_0304)
                == FastCGIPeer.record(3, [1, 2, 3, 4, 3, 0, 0, 0], request: 258)
        )
    }

    @Test("end the last request of a connection with a record behind the end")
    func finalEnd() {
        #expect(
            FastCGIRecord.finalEnd(of: 1)
                == FastCGIPeer.record(6) + FastCGIPeer.record(3, [0, 0, 0, 0, 0, 0, 0, 0]) + FastCGIPeer.record(6)
        )
    }

    @Test(
        "answer questions for limits, whatever their form",
        arguments: [
            ([], []),
            ([14, 0] + Array("FCGI_MAX_CONNS".utf8), [14, 2] + Array("FCGI_MAX_CONNS77".utf8)),
            ([13, 0] + Array("FCGI_MAX_REQS".utf8), [13, 2] + Array("FCGI_MAX_REQS77".utf8)),
            ([13, 3] + Array("FCGI_MAX_REQSxyz".utf8), [13, 2] + Array("FCGI_MAX_REQS77".utf8)),
            ([15, 0] + Array("FCGI_MAX_CONNSx".utf8), []),
            ([0x80, 0, 0, 14, 0] + Array("FCGI_MAX_CONNS".utf8), []),
            ([127, 0, 1], []), ([1], []), ([0, 0, 0, 0], []),
        ] as [([UInt8], [UInt8])]
    )
    func values(asked: [UInt8], content: [UInt8]) {
        let record = FastCGIPeer.record(9, asked, request: 0, padding: 3)
        #expect(ManagementRecords.answer(to: record, maximumConnections: 77) == FastCGIPeer.record(10, content, request: 0))
    }

    @Test("give a slow peer its time, and more only for bytes")
    func budget() {
        var budget = TransferBudget(grace: .seconds(10), minimumRate: 100)
        #expect(budget.remaining == 10_000_000_000)
        budget.spend(4_000_000_000, bytes: 0)
        #expect(budget.remaining == 6_000_000_000)
        budget.spend(0, bytes: 99)
        #expect(budget.remaining == 6_000_000_000)
        budget.spend(7_000_000_000, bytes: 101)
        #expect(budget.remaining == 1_000_000_000)
        budget.spend(2_000_000_000, bytes: 0)
        #expect(budget.remaining < 0)
        budget.restart()
        #expect(budget.remaining == 10_000_000_000)
    }
}
