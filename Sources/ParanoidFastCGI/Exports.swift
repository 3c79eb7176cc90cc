// The only re-exports: a program that imports ParanoidFastCGI has what handlers and configuration need.

@_exported public import HTTPTypes
@_exported public import Logging
@_exported public import ParanoidHTTP
@_exported public import ParanoidSessions
