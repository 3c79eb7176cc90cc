public import ServiceLifecycle

/// An application can run in a `ServiceGroup` beside other services.
///
/// ```swift
/// var configuration = ApplicationConfiguration.fromEnvironment()
/// configuration.workers = 0
/// configuration.handlesSignals = false
/// let app = try Application(configuration: configuration)
/// let group = ServiceGroup(services: [database, app], gracefulShutdownSignals: [.sigterm, .sigint], logger: app.logger)
/// try await group.run()
/// ```
///
/// A graceful shutdown is what SIGTERM is otherwise: nothing new is accepted, what runs is finished, then ``run()`` returns. With workers,
/// each of them is a process of its own that runs the program from its start, the other services included.
extension Application: Service {}
