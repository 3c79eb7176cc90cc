/// Where connections come from.
package enum ListenerAddress: Sendable, Hashable {
    /// A unix socket in the file system.
    case unix(path: String)
    /// TCP on one address.
    case tcp(host: String, port: UInt16)
    /// The listening socket on descriptor 0, as spawn-fcgi, systemd and our supervisor pass it on.
    case inherited
    /// A socket that the service manager has opened (`sd_listen_fds(3)`), by the name it has there; without one, the only one.
    case activated(name: String?)

    /// Reads the form settings have.
    ///
    /// - Parameter text: `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT`, `inherited`, `systemd` or `systemd:NAME`.
    /// - Throws: ``FastCGIServerError/Code/unusableAddress``, with what is allowed in the message.
    package init(_ text: String) throws(FastCGIServerError) {
        if text == "inherited" {
            self = .inherited
        } else if text == "systemd" {
            self = .activated(name: nil)
        } else if text.utf8.starts(with: "systemd:".utf8) {
            let name = String(text.dropFirst("systemd:".count))
            // What systemd.socket(5) allows for FileDescriptorName=.
            guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }) else {
                throw Self.error(text)
            }
            self = .activated(name: name)
        } else if text.utf8.starts(with: "unix:".utf8) {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { throw Self.error(text) }
            guard path.utf8.first != UInt8(ascii: "@") else {
                throw FastCGIServerError(
                    .unusableAddress,
                    "'\(text)' would be an abstract socket, to which every user of the host can connect; name a file (unix:PATH)"
                )
            }
            self = .unix(path: path)
        } else {
            guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw Self.error(text) }
            var host = text[..<colon]
            let digits = text[text.index(after: colon)...]
            guard digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }), let port = UInt16(digits) else {
                throw Self.error(text)
            }
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.utf8.contains(UInt8(ascii: ":")) {
                throw Self.error(text)
            }
            guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
                throw Self.error(text)
            }
            self = .tcp(host: String(host), port: port)
        }
    }

    private static func error(_ text: String) -> FastCGIServerError {
        FastCGIServerError(
            .unusableAddress,
            "'\(text)' is no address to listen on: allowed are unix:PATH, HOST:PORT, [IPV6]:PORT, inherited, systemd and systemd:NAME"
        )
    }
}

extension ListenerAddress: CustomStringConvertible {
    /// The form that ``init(_:)`` reads.
    package var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .inherited: "inherited"
        case .activated(let name): name.map { "systemd:\($0)" } ?? "systemd"
        }
    }
}
