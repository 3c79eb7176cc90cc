#ifndef PARANOID_CFCGI_SHIM_H
#define PARANOID_CFCGI_SHIM_H

#include <fcgiapp.h>
#include <string.h>

// The only code that touches the fields of FCGX_Stream, which fcgiapp.h asks others to leave to its functions.
//
// libfcgi's own reader and writer are made by FCGX_Accept_r alone, and that reads the connection itself: what was judged before would
// have to be read twice, and a second reader of one byte stream may see other requests in it than the first. So the streams of a request
// are FCGX_Streams with a fill and an empty procedure of ours, as libfcgi makes them for its own: its functions read and write them.

/// Makes `stream` an empty one to read from; libfcgi calls `fill` when it needs more bytes.
static inline void cfcgi_open_reader(FCGX_Stream *stream, void *owner, void (*fill)(FCGX_Stream *)) {
    memset(stream, 0, sizeof *stream);
    stream->isReader = 1;
    stream->fillBuffProc = fill;
    stream->data = owner;
}

/// Gives a reader its next bytes; called by its fill procedure. They have to stay where they are until the next call.
static inline void cfcgi_fill(FCGX_Stream *stream, const unsigned char *bytes, size_t count) {
    stream->rdNext = stream->stopUnget = (unsigned char *)bytes;
    stream->stop = stream->wrNext = stream->rdNext + count;
}

/// Tells a reader that nothing comes any more; an `error` other than 0 is what FCGX_GetError says then.
static inline void cfcgi_end(FCGX_Stream *stream, int error) {
    stream->rdNext = stream->wrNext = stream->stop;
    stream->isClosed = 1;
    if (stream->FCGI_errno == 0) stream->FCGI_errno = error;
}

/// The bytes that can be read without the fill procedure.
static inline size_t cfcgi_readable(const FCGX_Stream *stream) {
    return stream->isClosed || stream->stop == NULL ? 0 : (size_t)(stream->stop - stream->rdNext);
}

/// Makes `stream` one to write to; libfcgi calls `empty` when `buffer` is full, and to flush and to close it.
static inline void cfcgi_open_writer(FCGX_Stream *stream, void *owner, unsigned char *buffer, size_t count,
                                     void (*empty)(FCGX_Stream *, int)) {
    memset(stream, 0, sizeof *stream);
    stream->wrNext = buffer;
    stream->rdNext = stream->stop = buffer + count;
    stream->emptyBuffProc = empty;
    stream->data = owner;
}

/// The bytes that a writer takes without the empty procedure.
static inline size_t cfcgi_writable(const FCGX_Stream *stream) {
    return stream->isClosed ? 0 : (size_t)(stream->stop - stream->wrNext);
}

/// How many bytes are in the buffer of a writer, which is empty afterwards; called by its empty procedure.
static inline size_t cfcgi_empty(FCGX_Stream *stream, unsigned char *buffer) {
    size_t count = (size_t)(stream->wrNext - buffer);
    stream->wrNext = buffer;
    return count;
}

/// Tells a writer that its bytes could not be written; later writes fail at once.
static inline void cfcgi_fail(FCGX_Stream *stream, int error) {
    stream->FCGI_errno = error;
    stream->isClosed = 1;
    stream->rdNext = stream->stop = stream->wrNext;
}

#endif
