internal import FastCGIServer

/// What is counted on the workers' board, by its place there; 0 is the supervision's own.
enum StatisticsCounter: Int, Sendable, CaseIterable {
    case peerRefused = 1
    case connectionRefused
    case notARequest
    case parametersRefused
    case overloaded
    case overdue
    case badRequest
    case bodyTooLarge
    case unavailable
    case failed
    case largeResponseHead

    /// What the server counts.
    init(_ event: ServerEvent) {
        switch event {
        case .peerRefused: self = .peerRefused
        case .connectionRefused: self = .connectionRefused
        case .notARequest: self = .notARequest
        case .parametersRefused: self = .parametersRefused
        case .overloaded: self = .overloaded
        case .overdue: self = .overdue
        }
    }

    /// What a response that a handler or an error has made is counted as.
    init?(status: Int) {
        switch status {
        case 400: self = .badRequest
        case 413: self = .bodyTooLarge
        case 503: self = .unavailable
        case 500...599: self = .failed
        default: return nil
        }
    }
}
