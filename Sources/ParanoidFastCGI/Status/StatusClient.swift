internal import FastCGIServer
internal import ParanoidLinux

/// Asks the status socket of a running application, for the command-line tool; blocks for a few seconds at most.
package struct StatusClient: Sendable {
    private let address: ListenerAddress
    private let text: String

    /// What an application has answered.
    package struct Answer: Sendable {
        /// The status of the response.
        package let status: Int
        /// Its body.
        package let body: String
        /// The process that listens; `nil` over TCP.
        package let process: Int?
    }

    /// Finds the status socket that an application with these settings has.
    ///
    /// - Parameter address: Where it is instead, in the form of `PARANOID_STATUS` or as the path of a unix socket.
    /// - Throws: ``ConfigurationError`` when there is none, or the address cannot be used.
    package init(_ configuration: ApplicationConfiguration, address: String?) throws(ConfigurationError) {
        guard var text = address ?? configuration.status else {
            throw ConfigurationError(setting: "PARANOID_STATUS", problem: "it is none, so that nobody can ask the application how it is")
        }
        if text.utf8.first == UInt8(ascii: "/") { text = "unix:\(text)" }
        do throws(FastCGIServerError) {
            self.address = try ListenerAddress(text)
        } catch {
            throw ConfigurationError(setting: "PARANOID_STATUS", problem: error.message)
        }
        self.text = text
    }

    /// Asks for a page.
    ///
    /// - Throws: ``ConfigurationError`` that names the socket when nobody answers on it.
    package func get(_ path: String) throws(ConfigurationError) -> Answer {
        let address: SocketAddress? =
            switch self.address {
            case .unix(let path): SocketAddress(unixPath: path)
            case .tcp(let host, let port): SocketAddress(host: host, port: port)
            case .inherited, .activated: nil
            }
        guard let address else { throw ConfigurationError(setting: "PARANOID_STATUS", problem: "\(self.text) is no address to connect to") }
        do throws(SystemCallError) {
            let socket = try Socket(for: address)
            try socket.setTimeouts(read: .seconds(5), write: .seconds(5))
            try socket.connect(to: address)
            let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
            guard socket.descriptor.writeAvailable(request[...]) == request.count else { throw SystemCallError("send") }
            var bytes: [UInt8] = []
            while let more = socket.descriptor.readAvailable(limit: 65_536), !more.isEmpty { bytes += more }
            let process = address.isUnix ? (try? PeerCredentials(ofPeerOf: socket.descriptor)).map { Int($0.process) } : nil
            return try Self.answer(bytes, process)
        } catch {
            throw ConfigurationError(
                setting: "PARANOID_STATUS",
                problem: "nobody answers on \(self.text) (\(error)); is the application running, with the settings of this environment? "
                    + "--socket PATH names another place"
            )
        }
    }

    private static func answer(_ bytes: [UInt8], _ process: Int?) throws(SystemCallError) -> Answer {
        let words = bytes.prefix(64).split(separator: UInt8(ascii: " "))
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: "\r\n\r\n".utf8) }), words.count > 1,
            let status = Int(String(decoding: words[1], as: UTF8.self))
        else { throw .unexpectedEnd }
        return Answer(status: status, body: String(decoding: bytes[(end + 4)...], as: UTF8.self), process: process)
    }

    // MARK: The supervisor

    /// Tells the supervisor to replace its workers (SIGHUP), or to finish and end (SIGTERM).
    ///
    /// - Throws: ``ConfigurationError`` when the process may not be signalled.
    package func signal(_ signal: SupervisorSignal, to process: Int) throws(ConfigurationError) {
        do throws(SystemCallError) {
            try (signal == .reload ? ProcessSignal.hangUp : .terminate).send(to: process)
        } catch {
            throw ConfigurationError(setting: "PARANOID_STATUS", problem: "process \(process) cannot be signalled: \(error)")
        }
    }

    /// What a supervisor is told.
    package enum SupervisorSignal: Sendable { case reload, stop }
}
