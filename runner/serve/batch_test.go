package serve

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
)

// gated starts a server whose engine computes a batch for each value that the test sends.
func gated(t *testing.T, change func(c *Config)) *harness {
	return start(t, func(c *Config, e *fake) {
		e.gate = make(chan struct{})
		if change != nil {
			change(c)
		}
	})
}

// askLater sends a request and returns where its answer will be.
func (h *harness) askLater(name string, level uint8) chan reply {
	answer := make(chan reply, 1)
	go func() {
		a, err := send("POST", h.url+"/v1/models/"+name+":predict", "", strings.NewReader(`{"instances":[`+b64(grey(level))+`]}`))
		if err != nil {
			a.body = err.Error()
		}
		answer <- a
	}()
	return answer
}

// TestBatches: images of several clients and adapters share batches of the largest size at most.
func TestBatches(t *testing.T) {
	h := gated(t, func(c *Config) { c.Batch = 4 })
	first := h.askLater("cats", 1)
	eventually(t, "the engine computes the first image", func() bool { return h.engine.begun.Load() == 1 })
	var later []chan reply
	for i := range 6 {
		later = append(later, h.askLater([]string{"cats", "tiles"}[i%2], uint8(i)))
	}
	eventually(t, "six images wait", func() bool { return h.queue.length() == 6 })
	for range 3 {
		h.engine.gate <- struct{}{}
	}
	if a := <-first; !strings.Contains(a.body, `"logits":[101,`) {
		t.Errorf("%+v", a)
	}
	for i, c := range later {
		want := []string{"100,100.125,100.25", "201,201.125", "102,102.125,102.25", "203,203.125", "104,104.125,104.25", "205,205.125"}[i]
		if a := <-c; !strings.Contains(a.body, `"logits":[`+want+`]`) {
			t.Errorf("request %d got %s, want the logits %s", i, a.body, want)
		}
	}
	if !slices.Equal(h.engine.rows, []int{1, 4, 2}) {
		t.Errorf("batches of %v, want 1, 4 and 2 images", h.engine.rows)
	}
	metrics := h.send("GET", h.url+"/metrics", "", "").body
	for _, line := range []string{
		"dtl_tf_batch_images_sum 7", "dtl_tf_batch_images_count 3", "dtl_tf_blocks_run_total 7", "dtl_tf_blocks_saved_total 7", "dtl_tf_adapters 2",
		"dtl_tf_queue_images 0", `dtl_tf_http_requests_total{code="200",route="predict"} 7`, "dtl_tf_queue_wait_seconds_count 7",
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

// TestQueueFull: beyond the queue's capacity the answer is 503 with Retry-After, at once.
func TestQueueFull(t *testing.T) {
	h := gated(t, func(c *Config) { c.Queue, c.MaxImages, c.Batch = 2, 2, 1 })
	answers := []chan reply{h.askLater("cats", 0)}
	eventually(t, "the engine computes", func() bool { return h.engine.begun.Load() == 1 })
	answers = append(answers, h.askLater("cats", 1), h.askLater("cats", 2))
	eventually(t, "two images wait", func() bool { return h.queue.length() == 2 })
	a := <-h.askLater("cats", 3)
	a.wants(t, 503, "the queue is full")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", a.header)
	}
	for range 3 {
		h.engine.gate <- struct{}{}
	}
	for i, c := range answers {
		if a := <-c; a.status != http.StatusOK {
			t.Errorf("request %d: %+v", i, a)
		}
	}
	if !strings.Contains(h.send("GET", h.url+"/metrics", "", "").body, `dtl_tf_refused_total{reason="busy"} 1`) {
		t.Error("/metrics does not count the refusal")
	}
}

// TestClientGone: the images of a client that goes away are not computed.
func TestClientGone(t *testing.T) {
	h := gated(t, nil)
	first := h.askLater("cats", 1)
	eventually(t, "the engine computes", func() bool { return h.engine.begun.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", h.url+"/v1/predict", strings.NewReader(string(grey(9))))
	expect.NoError(t, err)
	gone := make(chan error)
	go func() {
		a, err := client.Do(r)
		if err == nil {
			a.Body.Close()
		}
		gone <- err
	}()
	eventually(t, "the image waits", func() bool { return h.queue.length() == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "the log has the request", func() bool { return strings.Contains(h.log.String(), "status=499") })
	later := h.askLater("tiles", 2)
	eventually(t, "the next image waits", func() bool { return h.queue.length() == 2 })
	h.engine.gate <- struct{}{}
	h.engine.gate <- struct{}{}
	<-first
	if a := <-later; a.status != http.StatusOK {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(h.engine.rows, []int{1, 1}) {
		t.Errorf("batches of %v: the image of a client that went away was computed", h.engine.rows)
	}
}

// TestTimeout: an answer that takes too long is 504.
func TestTimeout(t *testing.T) {
	h := gated(t, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	a := <-h.askLater("cats", 1)
	a.wants(t, 504, "the answer took too long")
}

// TestNaN: an adapter that gives NaN gets 500 with the reason; others in the same batch are answered.
func TestNaN(t *testing.T) {
	h := start(t, func(c *Config, _ *fake) { c.Window = time.Second; c.Batch = 2 })
	_, err := h.adapters.put(t.Context(), "nan", adapterText(t, "NaN 2"), "", byAdmin)
	expect.NoError(t, err)
	if !strings.Contains(h.log.String(), "not finite") {
		t.Errorf("the log has no warning: %s", h.log)
	}
	bad, good := h.askLater("nan", 1), h.askLater("cats", 2)
	a := <-bad
	a.wants(t, 500, "adapter nan can't classify the image: its logit of class 0 is NaN")
	if a := <-good; a.status != http.StatusOK {
		t.Errorf("%+v", a)
	}
	if n := len(h.engine.rows); n != 2 { // warming up, and one batch of both
		t.Errorf("%d calls", n)
	}
}

// TestOneAdapterFails: if the computation of a batch fails because of an adapter, or panics, only its requests do.
func TestOneAdapterFails(t *testing.T) {
	h := start(t, func(c *Config, e *fake) { c.Window = 50 * time.Millisecond })
	var mode string
	h.engine.fail = func(parts []Part) error {
		for _, p := range parts {
			if p.Model.(*fakeModel).value != 200 {
				continue
			}
			if mode == "panic" {
				panic("out of reach")
			}
			return errors.New("out of reach")
		}
		return nil
	}
	for _, mode = range []string{"error", "panic"} {
		bad, good := h.askLater("tiles", 1), h.askLater("cats", 2)
		a := <-bad
		a.wants(t, 500, "adapter tiles: ", "out of reach")
		if a := <-good; a.status != http.StatusOK {
			t.Errorf("%+v", a)
		}
	}
}

// TestReplaceInFlight: a request finishes on the adapter that it began with, which is closed after that; later ones get the new one.
func TestReplaceInFlight(t *testing.T) {
	h := gated(t, nil)
	running := h.askLater("cats", 1)
	eventually(t, "the engine computes", func() bool { return h.engine.begun.Load() == 1 })
	waiting := h.askLater("cats", 2)
	eventually(t, "an image waits", func() bool { return h.queue.length() == 1 })
	old := h.adapters.peek("cats").Model.(*fakeModel)
	model, err := h.engine.Open(t.Context(), adapterText(t, "300 3"))
	expect.NoError(t, err)
	next := &served{Model: model, name: "cats", version: 2}
	next.holders.Store(1)
	h.adapters.mu.Lock() // as put does after warming up
	before := h.adapters.byName["cats"]
	h.adapters.byName["cats"] = next
	h.adapters.mu.Unlock()
	before.release(h.server.log)
	if old.closed.Load() {
		t.Fatal("the old adapter was closed while requests used it")
	}
	later := h.askLater("cats", 3)
	eventually(t, "two images wait", func() bool { return h.queue.length() == 2 })
	h.engine.gate <- struct{}{}
	h.engine.gate <- struct{}{}
	for i, c := range []chan reply{running, waiting, later} {
		if a, want := <-c, []string{"[101,", "[102,", "[303,"}[i]; !strings.Contains(a.body, want) {
			t.Errorf("request %d got %+v, want %s", i, a, want)
		}
	}
	eventually(t, "the old adapter is closed", old.closed.Load)
}

// TestSoak: clients get the answer of one of the versions that an adapter had while they asked, and none is lost, while adapters
// are replaced, removed and added.
func TestSoak(t *testing.T) {
	h := start(t, func(c *Config, _ *fake) { c.Queue = 64 })
	stop := make(chan struct{})
	var all sync.WaitGroup
	for k := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				level := uint8((k*31 + i) % 50)
				v, err := ask(h.url, "cats", level)
				if version := v - float32(level); err != nil || version < 100 || version > 1e6 || int(version)%100 != 0 {
					t.Errorf("logit %v of an image of %d, %v", v, level, err)
					return
				}
			}
		}()
	}
	begun := time.Now()
	for i := 1; time.Since(begun) < 2*time.Second; i++ {
		text := []string{"100 3", "200 3", "300 1"}[i%3]
		a := h.send("POST", h.admin+"/v1/adapters/cats", "", text)
		if a.status != http.StatusOK {
			t.Errorf("%+v", a)
		}
		h.send("POST", h.admin+"/v1/adapters/cats", "", "no adapter").wants(t, 400, "(uploaded) is no adapter")
		h.send("DELETE", h.admin+"/v1/adapters/tiles", "", "")
		h.send("POST", h.admin+"/v1/adapters/tiles", "", "200 2")
	}
	close(stop)
	all.Wait()
	if n := h.engine.open.Load(); n != 2 {
		t.Errorf("%d adapters are open, want 2", n)
	}
}

// TestReserve: places are kept while images are decoded, so a request that does not fit is refused before.
func TestReserve(t *testing.T) {
	q := newQueue(4)
	expect.NoError(t, q.reserve(3))
	if err := q.reserve(2); !errors.Is(err, errFull) {
		t.Errorf("3 of 4 places are reserved, and 2 more: %v", err)
	}
	q.cancel(3) // an image could not be decoded
	expect.NoError(t, q.reserve(2))
	expect.NoError(t, q.push([]*waiting{{ctx: t.Context()}, {ctx: t.Context()}}))
	expect.NoError(t, q.reserve(2))
	if err := q.reserve(1); !errors.Is(err, errFull) {
		t.Errorf("2 images wait, 2 places are reserved, and 1 more: %v", err)
	}
	if len(q.take(4)) != 2 {
		t.Error("two images were pushed")
	}
	expect.NoError(t, q.reserve(2))
	q.close()
	if err := q.push(nil); !errors.Is(err, errClosed) {
		t.Errorf("closed: %v", err)
	}
}
