package capi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// childVariable makes the test binary run child instead of the tests.
const childVariable = "DTL_TF_CAPI_CHILD"

func TestMain(m *testing.M) {
	if way := os.Getenv(childVariable); way != "" {
		os.Exit(child(way))
	}
	os.Exit(m.Run())
}

// What child prints besides greetings.
var (
	longLine  = strings.Repeat("x", 10000) + greeting
	lastWords = "Expected shape dimensions to be non-negative, got -1"
)

const greeting = "I0000 mlir_graph_optimization_pass.cc:401] MLIR V1 optimization pass is not enabled"

func child(way string) int {
	switch way {
	case "first session", "unfiltered session":
		FilterGreetings = way == "first session"
		if s, err := NewSession(tf.NewGraph(), nil); err != nil || s.Close() != nil {
			return 3
		}
		runConstant(nil)
		fmt.Fprintln(os.Stderr, "behind")
	case "lines":
		filterStderr(func() {
			fmt.Fprintf(os.Stderr, "one\n%s\n%s\n\ntwo\n%s", greeting, longLine, "no newline")
		})
		fmt.Fprintln(os.Stderr, ", behind")
	case "abort":
		filterStderr(func() {
			fmt.Fprintf(os.Stderr, "before\n%s\n", greeting)
			_, _ = toTensorFlow(tensor.Tensor{Shape: []int{-1, -1}, Data: []float32{1}}) // fails a check inside TensorFlow
		})
	case "import":
		fmt.Fprintln(os.Stderr, greeting)
	case "environment":
		fmt.Println(FindOneDNN())
	}
	return 0
}

func start(way string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	// TensorFlow 2.21 says while it is loaded that oneDNN is on; package process drops that.
	c.Env = append(os.Environ(), childVariable+"="+way, "TF_CPP_MIN_LOG_LEVEL=2", "TF_ENABLE_ONEDNN_OPTS=0")
	return c
}

// TestUnfiltered checks that the greetings appear unless FilterGreetings is set.
func TestUnfiltered(t *testing.T) {
	need.That(t, !strings.HasPrefix(tf.Version(), "2.21."), "TensorFlow 2.21 prints none at this log level")
	var said bytes.Buffer
	c := start("unfiltered session")
	c.Stderr = &said
	if err := c.Run(); err != nil || !strings.Contains(said.String(), "MLIR V1 optimization pass is not enabled") {
		t.Errorf("%v, said %q", err, said.String())
	}
}

// TestGreetings checks that stderr has everything that was printed, in order, except the greetings of the first session.
func TestGreetings(t *testing.T) {
	for way, want := range map[string]string{
		"first session": "behind\n",
		"lines":         "one\n" + longLine + "\n\ntwo\nno newline, behind\n",
		"import":        greeting + "\n",
	} {
		c := start(way)
		var said bytes.Buffer
		c.Stderr = &said
		if err := c.Run(); err != nil || said.String() != want {
			t.Errorf("%s: %v, said %.200q of %d bytes, want %d", way, err, said.String(), said.Len(), len(want))
		}
	}
}

// TestLastWords checks that what TensorFlow prints before it aborts arrives on stderr, be that a pipe or a file.
func TestLastWords(t *testing.T) {
	check := func(what string, err error, text string) {
		t.Helper()
		if err == nil || !strings.HasPrefix(text, "before\n") || !strings.Contains(text, lastWords) || strings.Contains(text, greeting) {
			t.Errorf("%s: %v, said %.300q", what, err, text)
		}
	}
	var pipe bytes.Buffer
	c := start("abort")
	c.Stderr = &pipe
	check("a pipe", c.Run(), pipe.String())

	file, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c = start("abort")
	c.Stderr = file
	err = c.Run()
	var text []byte
	for range 100 { // the filter outlives the process
		if text, _ = os.ReadFile(file.Name()); strings.Contains(string(text), lastWords) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	check("a file", err, string(text))
}

// TestClosedStderr checks that without a reader of stderr the process ends as it would without the filter.
func TestClosedStderr(t *testing.T) {
	for way, fails := range map[string]bool{"abort": true, "first session": false} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		c := start(way)
		c.Stderr = write
		err = c.Run()
		write.Close()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("%s: %v", way, err)
			continue
		}
		status, _ := exit.Sys().(syscall.WaitStatus)
		if broken := status.Signaled() && status.Signal() == syscall.SIGPIPE; !fails && !broken { // Go's rule for stderr
			t.Errorf("%s: %v", way, err)
		}
	}
}
