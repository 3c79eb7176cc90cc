internal import FastCGIServer
internal import Logging
internal import ParanoidLinux
internal import Synchronization

/// The name of the listening socket, which a cleaner of temporary files may remove while workers serve.
///
/// A socket without its name cannot get it back: a new one is opened in its place.
final class SocketName: Sendable {
    private let file: Mutex<UnixSocketFile>
    private let configuration: ApplicationConfiguration
    private let logger: Logger

    init(_ file: UnixSocketFile, _ configuration: ApplicationConfiguration, logger: Logger) {
        self.file = Mutex(file)
        self.configuration = configuration
        self.logger = logger
    }

    /// A new listener, if the name no longer leads to the one before; `nil` while it does, and when none can be opened.
    func renewedListener() -> OwnedDescriptor? {
        guard !self.file.withLock({ $0.isStillThere }) else { return nil }
        do throws(ConfigurationError) {
            let listener = try ProcessStart.openListener(self.configuration, logger: self.logger)
            if let file = listener.socketFile { self.file.withLock { $0 = file } }
            self.logger.error("the socket file was removed; a new one is made", metadata: ["listen": "\(self.configuration.listen)"])
            return listener.intoDescriptor()
        } catch {
            self.logger.error("the socket file was removed, and no new one can be made", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Says in the log that the name is gone, for a process that serves alone and cannot change its listener.
    func reportRemoval() {
        guard !self.file.withLock({ $0.isStillThere }) else { return }
        self.logger.error("the socket file was removed; restart the application", metadata: ["listen": "\(self.configuration.listen)"])
    }

    /// Removes the name, unless another socket has it.
    func remove() {
        self.file.withLock { $0.remove() }
    }
}
