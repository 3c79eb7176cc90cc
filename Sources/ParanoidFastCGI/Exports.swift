// The only re-exports: whoever imports ParanoidFastCGI has what handlers, configuration and stores need.

@_exported public import FileSessionStorage
@_exported public import HTTPHandling
@_exported public import HTTPSessions
@_exported public import HTTPTypes
@_exported public import Logging
@_exported public import SessionSecurity
@_exported public import SessionStorage
