internal import FastCGIServer
internal import WorkerSupervision

// The server and the supervision do not know each other: they meet here.
extension WorkerSeat: ServerSurroundings {}
