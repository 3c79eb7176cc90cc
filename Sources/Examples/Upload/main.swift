import ParanoidFastCGI

// Uploads that can be resumed, with their progress as server-sent events, and downloads with ranges. UploadPages.swift lists the pages.

let configuration = ApplicationConfiguration.fromEnvironment()

await Application.main(configuration: configuration) { app in
    UploadPages(directory: configuration.environment["UPLOAD_DIRECTORY"] ?? "uploads").register(on: app)
}
