// The only re-exports: whoever imports ParanoidFastCGI has what handlers, configuration and stores need.

@_exported public import FileSessionStore
@_exported public import ParanoidHTTP
@_exported public import ParanoidSessions
@_exported public import HTTPTypes
@_exported public import Logging
