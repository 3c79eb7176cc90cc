package import ParanoidLinux
package import Logging
internal import Synchronization

/// Serves FastCGI requests from one listener with a fixed number of threads.
///
/// The threads that wait for connections are the threads of ``executor``, on which requests run in tasks: neither an idle connection nor a
/// suspended handler holds a thread. A handler that blocks holds its own thread only. A request shares its task with the requests before it
/// on its thread, and with none after it once its handler has suspended.
package final class FastCGIServer: Sendable {
    let scheduler: ConnectionScheduler
    private let workerExecutor: WorkerExecutor
    private let pool: WorkerPool
    private let hasStarted = Atomic<Bool>(false)
    private let logger: Logger

    /// Prepares a server; connections wait in the listener's queue until ``run()``.
    ///
    /// - Parameters:
    ///   - listener: Where connections come from. One on another interface than loopback is warned about: FastCGI has no authentication.
    ///   - configuration: Settings.
    ///   - delegate: Hears how the server is, and takes connections from it.
    ///   - logger: For everything that concerns no particular request.
    ///   - handler: Called for each request. When it has suspended, its task is cancelled if its client goes. It has to finish the request.
    /// - Throws: ``FastCGIServerError/Code/outOfResources``.
    package init(
        listener: consuming Listener,
        configuration: FastCGIServerConfiguration = FastCGIServerConfiguration(),
        delegate: (any ServerDelegate)? = nil,
        logger: Logger,
        handler: @escaping @Sendable (consuming FastCGIRequest) async -> Void
    ) throws(FastCGIServerError) {
        if !listener.isLocal, configuration.admits == nil {
            logger.warning("The FastCGI listener can be reached from other hosts, and whoever reaches it is trusted like the web server.")
        }
        do throws(SystemCallError) {
            let jobs = try JobQueue()
            self.workerExecutor = WorkerExecutor(jobs: jobs)
            self.scheduler = try ConnectionScheduler(
                listener: listener,
                configuration: configuration,
                delegate: delegate,
                jobs: jobs,
                logger: logger
            )
        } catch {
            throw FastCGIServerError(.outOfResources, "the server cannot be set up", cause: error)
        }
        self.logger = logger
        self.pool = WorkerPool(
            worker: WorkerThread(
                handler: handler,
                scheduler: self.scheduler,
                executor: self.workerExecutor
            ),
            logger: logger
        )
    }

    /// The executor whose threads are the worker threads; jobs wait until ``run()`` starts them, and run on the global pool after its end.
    package var executor: any TaskExecutor { self.workerExecutor }

    /// Connections that are open now, idle ones included.
    package var openConnections: Int { self.scheduler.openConnections }

    /// Calls `onReadable`, on a worker thread, when a descriptor becomes readable: a signalfd, or a pipe whose end means something.
    ///
    /// The descriptor is kept open as long as the server; it is not read.
    ///
    /// - Parameter repeats: Whether it is called every time, and then has to read what is there; otherwise once.
    package func watch(
        _ descriptor: consuming OwnedDescriptor,
        repeats: Bool = false,
        onReadable: @escaping @Sendable () -> Void
    ) {
        do throws(SystemCallError) {
            try self.scheduler.watch(descriptor, repeats: repeats, onReadable: onReadable)
        } catch {
            self.logger.error("A descriptor cannot be watched.", metadata: ["error": "\(error)"])
        }
    }

    /// Serves the connections that other processes pass on, from now on; call it once, before ``run()``.
    ///
    /// - Parameter inbox: A message socket; what waits in it is served before the server ends.
    package func serveArrivals(from inbox: consuming OwnedDescriptor) {
        do throws(SystemCallError) {
            try self.scheduler.open(inbox: DescriptorPassing(inbox))
        } catch {
            self.logger.error("A descriptor cannot be watched.", metadata: ["error": "\(error)"])
        }
    }

    /// Serves a connection that another process has accepted and passed on.
    package func serve(_ connection: consuming OwnedDescriptor) {
        self.scheduler.take(Socket(connection))
    }

    /// Starts the threads and returns when the server has drained and all threads have ended.
    ///
    /// The calling task suspends. May be called once.
    package func run() async {
        precondition(!self.hasStarted.exchange(true, ordering: .relaxed), "a server runs once")
        await withCheckedContinuation { continuation in
            do throws(SystemCallError) {
                try self.pool.start { continuation.resume() }
            } catch {
                self.logger.critical("The server's threads cannot be started.", metadata: ["error": "\(error)"])
                continuation.resume()
            }
        }
        self.pool.join()
    }

    /// Begins to stop: accepts nothing new, finishes what runs and serves what is already sent, then ``run()`` returns.
    ///
    /// Does not wait; may be called on any thread and more than once.
    ///
    /// Connections that wait in the inbox are served as well.
    ///
    /// - Parameters:
    ///   - isAlone: Whether nobody will read the inbox afterwards: it is looked into up to the end.
    ///   - closingListener: Whether the listener is closed to everybody, although others have it too. One that was opened here always is.
    package func drain(isAlone: Bool = false, closingListener: Bool = false) {
        self.scheduler.drain(isAlone: isAlone, closingListener: closingListener)
    }
}
