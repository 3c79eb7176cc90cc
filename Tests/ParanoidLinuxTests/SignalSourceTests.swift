import Glibc
import ParanoidLinux
import Testing

@Suite("Signal source", .serialized)
struct SignalSourceTests {
    @Test("turns signals into bytes, in order, whichever thread they reach")
    func reading() async throws {
        await #expect(processExitsWith: .exitCode(0)) {
            let source = try SignalSource([.terminate, .hangUp])
            #expect(source.read() == [])
            // The suspension parks the main thread in sigsuspend(2) with an empty mask: a signalfd would lose to the default action.
            try await Task.sleep(for: .milliseconds(1))
            kill(getpid(), SIGTERM)
            guard try DescriptorPoll.wait(for: [source.descriptorNumber], timeout: .seconds(60)) == [0] else { exit(1) }
            guard source.read() == [.terminate] else { exit(2) }
            kill(getpid(), SIGHUP)
            let copy = try source.duplicateDescriptor()
            guard try DescriptorPoll.wait(for: [copy.number], timeout: .seconds(60)) == [0] else { exit(3) }
            guard source.read() == [.hangUp] else { exit(4) }
            exit(0)
        }
    }

    @Test("gives signals back their default action at its end")
    func release() async throws {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            do { _ = try SignalSource([.terminate]) }
            kill(getpid(), SIGTERM)
            try await Task.sleep(for: .seconds(60))
        }
    }

    @Test("is alone in a process with its signals")
    func exclusiveness() throws {
        let first = try SignalSource([.user2])
        let error = #expect(throws: SystemCallError.self) { _ = try SignalSource([.brokenPipe, .user2]) }
        #expect(error?.code == EBUSY)
        // The refused one has let go of what it had already taken.
        _ = try SignalSource([.brokenPipe])
        #expect(first.read() == [])
    }
}
