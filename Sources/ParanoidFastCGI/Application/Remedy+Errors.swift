internal import FastCGIServer
internal import ParanoidLinux
internal import ParanoidSessions

extension Remedy {
    /// What helps when a start, or a command of the tool, fails with an error.
    init(of error: any Error) {
        self =
            switch error {
            case let error as ConfigurationError: error.remedy
            case let error as SystemCallError: error.remedy
            case let error as FastCGIServerError: error.remedy
            case let error as SessionStoreError: Self.remedy(of: error)
            case let error as ProcessEnvironmentError: error.cause?.remedy ?? .change
            case PrivateFile.Failure.system(let error), SecureDirectoryError.system(let error, _): error.remedy
            default: .change
            }
    }

    private static func remedy(of error: SessionStoreError) -> Remedy {
        switch error.code {
        case .full, .lockTimeout, .tooManyWaiting: .later
        case .unavailable: (error.cause as? SystemCallError)?.remedy ?? .later
        case .nameTaken, .gone, .tooLarge, .damaged, .refused: .change
        }
    }
}
