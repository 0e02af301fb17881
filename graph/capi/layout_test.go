package capi

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
)

// TestCheckGraft: the graft that go.mod requires has the structs that this package reads, and is the version named in errors.
func TestCheckGraft(t *testing.T) {
	if err := CheckGraft(); err != nil {
		t.Error(err)
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), graft+" "+wantedGraft+"\n") {
		t.Errorf("go.mod does not require %s %s: change wantedGraft with it", graft, wantedGraft)
	}
	if version, wanted := Graft(); version != "" && !wanted {
		t.Errorf("this test is built with graft %s, want %s", version, wantedGraft)
	}
}

// TestOtherStructs: structs that differ from graft's are refused.
func TestOtherStructs(t *testing.T) {
	type handle struct{}
	type other struct{}
	var (
		same    struct{ c *handle }
		longer  struct{ c, next *handle }
		renamed struct{ handle *handle }
		moved   struct {
			mu int
			c  *handle
		}
		number struct{ c uintptr }
		value  struct{ c handle }
		twice  struct{ c **handle }
		wrong  struct{ c *other }
		empty  struct{}
	)
	replaced := &debug.BuildInfo{Deps: []*debug.Module{
		{Path: "example.com/other", Version: "v1.0.0"},
		{Path: graft, Version: "v0.10.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v0.11.0"}},
	}}
	for _, c := range []struct {
		of      any
		problem string // "" if the struct is accepted
	}{
		{same, ""},
		{longer, ""},
		{renamed, "starts with handle *capi.handle instead of c *C.handle"},
		{moved, "starts with mu int instead of c *C.handle"},
		{number, "starts with c uintptr"},
		{value, "starts with c capi.handle"},
		{twice, "starts with c **capi.handle"},
		{wrong, "starts with c *capi.other"},
		{empty, "is no struct with fields"},
		{0, "int is no struct"},
	} {
		err := checkStructs(replaced, layout{reflect.TypeOf(same), reflect.TypeFor[*handle]()}, layout{reflect.TypeOf(c.of), reflect.TypeFor[*handle]()})
		if c.problem == "" {
			if err != nil {
				t.Errorf("%T is refused: %v", c.of, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%T is accepted", c.of)
			continue
		}
		for _, part := range []string{c.problem, "graft " + wantedGraft, "v0.10.0 => example.com/fork v0.11.0", "go get " + graft + "@" + wantedGraft} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%T: the error lacks %q: %v", c.of, part, err)
			}
		}
	}
	// graft's own structs do not pass for each other.
	if err := checkStructs(nil, layout{reflect.TypeFor[tf.Session](), reflect.TypeFor[tf.Operation]().Field(0).Type}); err == nil || !strings.Contains(err.Error(), "of unknown version") {
		t.Errorf("a Session passes for an Operation: %v", err)
	}
}

// TestGraftIn: the version includes what stands in for the module.
func TestGraftIn(t *testing.T) {
	for want, deps := range map[string][]*debug.Module{
		"":                          {{Path: "example.com/other", Version: "v1.0.0"}},
		"v0.10.0":                   {{Path: graft, Version: "v0.10.0"}},
		"v0.10.0 => ../graft":       {{Path: graft, Version: "v0.10.0", Replace: &debug.Module{Path: "../graft"}}},
		"v0.10.0 => a.com/g v1.0.0": {{Path: graft, Version: "v0.10.0", Replace: &debug.Module{Path: "a.com/g", Version: "v1.0.0"}}},
	} {
		if got := graftIn(&debug.BuildInfo{Deps: deps}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := graftIn(nil); got != "" {
		t.Errorf("%q without build information", got)
	}
}
