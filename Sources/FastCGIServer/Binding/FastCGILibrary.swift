internal import CFCGI
internal import Glibc

/// The one-time start of libfcgi.
enum FastCGILibrary {
    /// Initialises libfcgi once per process, before any thread uses it; later calls do nothing.
    static func start() {
        _ = Self.started
    }

    private static let started: Bool = {
        // FCGX_Init installs handlers of its own for these where it finds none (os_unix.c): signals are the business of others here.
        let signals = [SIGPIPE, SIGUSR1, SIGTERM]
        var previous = Array(repeating: sigaction(), count: signals.count)
        for (index, signal) in signals.enumerated() {
            unsafe sigaction(signal, nil, &previous[index])
        }
        FCGX_Init()
        for (index, signal) in signals.enumerated() {
            unsafe sigaction(signal, &previous[index], nil)
        }
        // libfcgi writes without MSG_NOSIGNAL, so a peer that has gone would end the process where SIGPIPE is not blocked.
        if unsafe previous[0].__sigaction_handler.sa_handler == nil {
            Glibc.signal(SIGPIPE, SIG_IGN)
        }
        return true
    }()
}
