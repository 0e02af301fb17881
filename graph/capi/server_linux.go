package capi

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
void begin_bind(const unsigned char *address);
int end_bind(int *error);
*/
import "C"

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"
)

// Server is a TensorFlow server: a member of a cluster whose devices the sessions of other members use. It runs until the process ends,
// because TensorFlow 2.18 can't stop one.
type Server struct {
	c      *C.TF_Server
	Target string // for the sessions of this process (see tensorflow.SessionOptions)
}

var starting sync.Mutex

// NewServer starts a server from a serialised ServerDef. It listens on the given address only, 0.0.0.0 or :: being all: TensorFlow's own
// choice is always all.
func NewServer(definition []byte, host netip.Addr) (*Server, error) {
	starting.Lock()
	defer starting.Unlock()
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	raw := C.CBytes(definition)
	defer C.free(raw)
	address := host.As16()
	if !host.IsUnspecified() {
		C.begin_bind((*C.uchar)(unsafe.Pointer(&address[0])))
	}
	server := C.TF_NewServer(raw, C.size_t(len(definition)), status)
	if !host.IsUnspecified() {
		var failed C.int
		bound := C.end_bind(&failed)
		switch {
		case failed != 0:
			return nil, fmt.Errorf("listen on %s: %w", host, syscall.Errno(failed))
		case C.TF_GetCode(status) == C.TF_OK && bound == 0:
			return nil, errors.New("TensorFlow's server does not listen on the address that it was told")
		}
	}
	if C.TF_GetCode(status) != C.TF_OK {
		return nil, errors.New(C.GoString(C.TF_Message(status)))
	}
	start := func() { C.TF_ServerStart(server, status) }
	if FilterGreetings {
		filterStderr(start)
	} else {
		start()
	}
	if C.TF_GetCode(status) != C.TF_OK {
		return nil, errors.New(C.GoString(C.TF_Message(status)))
	}
	return &Server{c: server, Target: C.GoString(C.TF_ServerTarget(server))}, nil
}
