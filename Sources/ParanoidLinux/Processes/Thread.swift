internal import CLinux
internal import Glibc

/// A thread of our own for work that blocks, which the cooperative pool must never do (`pthreads(7)`).
///
/// All signals are blocked in it from its first instruction, except SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE and SIGABRT: an
/// interrupted system call would cut a request short inside libfcgi, and with those six blocked a trap would end the process silently.
/// Its nice value is that of the process, whatever thread starts it.
package struct Thread: ~Copyable, Sendable {
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: Shown by `ps -L`; cut at 15 bytes.
    ///   - stackSize: Bytes of address space; memory is used as the stack grows.
    ///   - body: What the thread does; it ends when this returns.
    package init(name: String, stackSize: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackSize)

        var blocked = sigset_t()
        var previous = sigset_t()
        unsafe sigfillset(&blocked)
        for crash in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            unsafe sigdelset(&blocked, crash)
        }
        // The new thread inherits the mask, so there is no moment in which it could take a signal.
        unsafe pthread_sigmask(SIG_SETMASK, &blocked, &previous)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }

        let start = unsafe Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                unsafe clinux_name_thread(start.name)
                clinux_take_process_priority()
                start.body()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            unsafe start.release()
            throw SystemCallError("pthread_create", code: code)
        }
        self.thread = thread
    }

    deinit {
        pthread_detach(self.thread)
    }

    /// Blocks until the thread has ended.
    package consuming func join() {
        let thread = self.thread
        discard self
        pthread_join(thread, nil)
    }
}
