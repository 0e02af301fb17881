package capi

/*
#include "tensorflow/c/c_api.h"
void register_identity(const char *text, TF_Status *status);
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
)

var identity struct {
	sync.Mutex
	text string
}

// RegisterIdentity registers the op DtlIdentity, whose output is the text of the process that runs it, as bytes. A process has one text.
func RegisterIdentity(text string) error {
	identity.Lock()
	defer identity.Unlock()
	switch {
	case text == "":
		return errors.New("an identity is a text")
	case identity.text == text:
		return nil
	case identity.text != "":
		return fmt.Errorf("this process is known as %q already", identity.text)
	}
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	if C.register_identity(C.CString(text), status); C.TF_GetCode(status) != C.TF_OK {
		return fmt.Errorf("register an identity: %s", C.GoString(C.TF_Message(status)))
	}
	identity.text = text
	return nil
}
