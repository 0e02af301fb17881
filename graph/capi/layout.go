package capi

/*
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"unsafe"

	tf "github.com/wamuir/graft/tensorflow"
)

// graft is the Go binding, and wantedGraft the version of it whose structs this file reads; go.mod requires the same.
const (
	graft       = "github.com/wamuir/graft"
	wantedGraft = "v0.10.0"
)

// session and operation read the C pointer with which graft's structs start, after [CheckGraft] has found it there.
func session(s *tf.Session) *C.TF_Session { return *(**C.TF_Session)(unsafe.Pointer(s)) }
func operation(o *tf.Operation) *C.TF_Operation {
	return *(**C.TF_Operation)(unsafe.Pointer(o))
}
func output(o tf.Output) C.TF_Output {
	return C.TF_Output{oper: operation(o.Op), index: C.int(o.Index)}
}

// CheckGraft fails if the structs of the graft in this program are not those that session and operation read. It compares them once per
// process, before the first of them is read: NewSession, LoadSavedModel and HasConsumers return its error.
var CheckGraft = sync.OnceValue(func() error {
	info, _ := debug.ReadBuildInfo()
	return checkStructs(info,
		layout{reflect.TypeFor[tf.Session](), reflect.TypeFor[*C.TF_Session]()},
		layout{reflect.TypeFor[tf.Operation](), reflect.TypeFor[*C.TF_Operation]()})
})

// layout is a struct of graft and the type of the C pointer that it must start with.
type layout struct{ of, pointer reflect.Type }

func checkStructs(program *debug.BuildInfo, wanted ...layout) error {
	for _, l := range wanted {
		if err := l.check(); err != nil {
			return fmt.Errorf("this program reads structs of graft %s and was built with graft %s, where %w: build it with the version that its go.mod requires, without a replacement or a changed vendor folder (go get %s@%s), or adapt graph/capi/layout.go",
				wantedGraft, cmp.Or(graftIn(program), "of unknown version"), err, graft, wantedGraft)
		}
	}
	return nil
}

// check fails unless the first field of the struct is c and holds the pointer. It compares the names of the types, because cgo gives a C type
// a different Go type in each package.
func (l layout) check() error {
	if l.of.Kind() != reflect.Struct || l.of.NumField() == 0 {
		return fmt.Errorf("%s is no struct with fields", l.of)
	}
	f := l.of.Field(0)
	if f.Name != "c" || f.Offset != 0 || f.Type.Kind() != reflect.Pointer || f.Type.Elem().Name() != l.pointer.Elem().Name() {
		return fmt.Errorf("%s starts with %s %s instead of c *C.%s", l.of, f.Name, f.Type, strings.TrimPrefix(l.pointer.Elem().Name(), "_Ctype_struct_"))
	}
	return nil
}

// Graft returns the version of graft in this program, "" if the program does not record it, and whether it is the version that this
// package was written for.
func Graft() (version string, wanted bool) {
	info, _ := debug.ReadBuildInfo()
	version = graftIn(info)
	return version, version == wantedGraft
}

// graftIn returns the version of graft in a program, such as "v0.10.0" or "v0.10.0 => ../graft", "" if it is not recorded.
func graftIn(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	for _, m := range info.Deps {
		switch {
		case m.Path != graft:
		case m.Replace == nil:
			return m.Version
		case m.Replace.Version == "": // a folder
			return m.Version + " => " + m.Replace.Path
		default:
			return m.Version + " => " + m.Replace.Path + " " + m.Replace.Version
		}
	}
	return ""
}
