#ifndef PARANOID_CFCGI_SHIM_H
#define PARANOID_CFCGI_SHIM_H

#include <fcgiapp.h>

// The only code that touches the fields fcgiapp.h marks "Don't use anything below here".

/// Makes `descriptor` the connection that the next FCGX_Accept_r reads. keepConnection has to be set, or FCGX_Accept_r would close the
/// descriptor first; FCGX_Detach turns libfcgi's own lingering close off.
static inline void cfcgi_attach(FCGX_Request *request, int descriptor) {
    request->ipcFd = descriptor;
    request->keepConnection = 1;
    FCGX_Detach(request);
}

/// Takes the connection back: the descriptor, or -1 if libfcgi has closed it.
static inline int cfcgi_take(FCGX_Request *request) {
    int descriptor = request->ipcFd;
    request->ipcFd = -1;
    return descriptor;
}


#endif
