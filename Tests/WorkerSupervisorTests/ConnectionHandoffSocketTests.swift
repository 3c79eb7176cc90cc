import Glibc
import ParanoidLinux
import Testing

@testable import WorkerSupervisor

@Suite("ConnectionHandoffSocket")
struct MailboxTests {
    @Test("keeps messages until somebody reads them, apart from each other")
    func keeping() throws {
        let socket = try ConnectionHandoffSocket()
        let sender = OwnedDescriptor(owning: dup(socket.writingNumber))
        try sender.write(byte: 1)
        try sender.write(byte: 2)
        let reader = OwnedDescriptor(owning: dup(socket.readingNumber))
        #expect(reader.readAvailable(limit: 8) == [1])
        #expect(reader.readAvailable(limit: 8) == [2])
        #expect(reader.readAvailable(limit: 8) == nil)
    }

    @Test("once closed refuses new messages, and ends after those it has")
    func closing() throws {
        SignalSource.ignore(.brokenPipe)
        let socket = try ConnectionHandoffSocket()
        let sender = OwnedDescriptor(owning: dup(socket.writingNumber))
        let reader = OwnedDescriptor(owning: dup(socket.readingNumber))
        try sender.write(byte: 1)
        socket.close()
        let error = #expect(throws: SystemCallError.self) { try sender.write(byte: 2) }
        #expect(error?.code == EPIPE)
        #expect(reader.readAvailable(limit: 8) == [1])
        #expect(reader.readAvailable(limit: 8) == [])
    }
}
