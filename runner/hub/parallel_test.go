package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
)

// TestInterrupt: Ctrl-C leaves a part, and another call continues with it.
func TestInterrupt(t *testing.T) {
	c := newClient(t, model(4<<20))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := c.server.Models[repo].Files["model.safetensors"]
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
		if !stored {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Content)))
		_, _ = w.Write(f.Content[:3<<20])
		w.(http.Flusher).Flush()
		for { // until the client has written what came
			if size, _ := sizeOf(c.store(repo).partial(f.ETag())); size == 3<<20 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel()
		<-r.Context().Done()
		return true
	}
	_, err := c.Fetch(ctx, Reference{repo, "main"}, "")
	expect.Error(t, err, "interrupted with 3.1 MB of 4.2 MB of model.safetensors, which are kept: the same command continues")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no cancellation", err)
	}
	c.nothing(t)
	c.server.Instead = nil
	c.stored()
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if list := c.stored(); len(list) != 1 || list[0].Header.Get("Range") != "bytes=3145728-" {
		t.Errorf("asked for %v", list)
	}
}

// TestParallel: of several clients at once, one downloads and the others wait for it.
func TestParallel(t *testing.T) {
	c := newClient(t, model(2<<20))
	first := sync.OnceFunc(func() { time.Sleep(300 * time.Millisecond) })
	c.server.Instead = func(_ http.ResponseWriter, _ *http.Request, stored bool) bool {
		if stored {
			first()
		}
		return false
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	for range 6 {
		other := *c.Hub
		other.clock, other.Progress = wallClock{}, quietProgress()
		other.Note = func(string, ...any) {}
		wait.Add(1)
		go func() {
			defer wait.Done()
			m, err := other.Fetch(t.Context(), Reference{repo, "main"}, "")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			c.whole(t, m, "model.safetensors", "config.json")
		}()
	}
	wait.Wait()
	if n := len(c.stored()); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

// fetchVariable makes the test program fetch the model and end.
const fetchVariable = "DTL_TF_TEST_FETCH"

// TestProcesses: two processes at once, of which one downloads; then one is killed, and another continues.
func TestProcesses(t *testing.T) {
	if os.Getenv(fetchVariable) != "" {
		s, err := FromEnvironment()
		expect.NoError(t, err)
		h := New(s, func(format string, args ...any) { fmt.Printf(format+"\n", args...) }, quietProgress())
		_, err = h.Fetch(t.Context(), Reference{repo, "main"}, "")
		expect.NoError(t, err)
		return
	}
	c := newClient(t, model(2<<20))
	f := c.server.Models[repo].Files["model.safetensors"]
	t.Setenv(fetchVariable, "1")
	start := func() *exec.Cmd {
		p := exec.Command(os.Args[0], "-test.run=^TestProcesses$", "-test.v")
		p.Stdout = &strings.Builder{}
		expect.NoError(t, p.Start())
		return p
	}
	second := make(chan struct{})
	c.server.Instead = func(_ http.ResponseWriter, _ *http.Request, stored bool) bool {
		if stored {
			<-second
		}
		return false
	}
	c.server.Requests() // the other processes see the change
	a, b := start(), start()
	waiting := func(p *exec.Cmd) bool {
		return strings.Contains(p.Stdout.(*strings.Builder).String(), "waiting for another process (")
	}
	time.AfterFunc(2*time.Second, func() { close(second) })
	if err := errors.Join(a.Wait(), b.Wait()); err != nil {
		t.Fatalf("%v\n%s\n%s", err, a.Stdout, b.Stdout)
	}
	if waiting(a) == waiting(b) {
		t.Errorf("one of them waits:\n%s\n%s", a.Stdout, b.Stdout)
	}
	if n := len(c.stored()); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}

	expect.NoError(t, os.RemoveAll(c.Cache))
	half := make(chan struct{})
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
		if !stored || r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Content)))
		_, _ = w.Write(f.Content[:1<<20])
		w.(http.Flusher).Flush()
		for {
			if size, _ := sizeOf(c.store(repo).partial(f.ETag())); size == 1<<20 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		close(half)
		<-r.Context().Done()
		return true
	}
	c.server.Requests()
	killed := start()
	<-half
	expect.NoError(t, killed.Process.Kill())
	_ = killed.Wait()
	c.nothing(t)
	c.stored()
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if list := c.stored(); len(list) != 1 || list[0].Header.Get("Range") != "bytes=1048576-" {
		t.Errorf("asked for %v", list)
	}
}
