package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
)

// TestBusy: 429 and 5xx are tried again, after the time that the hub asks for.
func TestBusy(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string // Retry-After
		times  int
		waits  []time.Duration
		want   []string // of the error, nil for success
	}{
		{429, "7", 1, []time.Duration{7e9}, nil},
		{429, "Sun, 09 Sep 2001 01:47:10 GMT", 1, []time.Duration{30e9}, nil}, // the clock starts at 01:46:40
		{503, "", 2, []time.Duration{1e9, 2e9}, nil},
		{500, "0", 4, []time.Duration{1e9, 2e9, 4e9, 8e9}, nil},
		{503, "", 99, []time.Duration{1e9, 2e9, 4e9, 8e9}, []string{"answers 503, a failure of its own", "tried 5 times"}},
		{429, "3600", 99, nil, []string{"answers 429, too many requests", "asks to wait for 1h00m"}},
	} {
		for _, where := range []string{"/api/", "/resolve/", "storage"} {
			t.Run(fmt.Sprint(c.status, c.after, c.times, where), func(t *testing.T) {
				h := newClient(t, model(1000))
				delete(h.server.Models[repo].Files, "config.json")
				left := c.times
				h.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
					if left == 0 || where == "storage" != stored || !stored && !strings.Contains(r.URL.Path, where) {
						return false
					}
					left--
					w.Header().Set("Retry-After", c.after)
					w.WriteHeader(c.status)
					return true
				}
				_, err := h.fetch(t)
				if c.want == nil {
					expect.NoError(t, err)
				} else {
					expect.Error(t, err, c.want...)
					h.nothing(t)
				}
				if !slices.Equal(h.clock.slept, c.waits) {
					t.Errorf("it waited %v, want %v", h.clock.slept, c.waits)
				}
			})
		}
	}
}

// TestExpired: a signed address that the storage refuses is asked for anew, and never shown.
func TestExpired(t *testing.T) {
	c := newClient(t, model(1000))
	left := 2
	c.server.Instead = func(w http.ResponseWriter, _ *http.Request, stored bool) bool {
		if !stored || left == 0 {
			return false
		}
		left--
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if text := c.text.String(); !strings.Contains(text, "where the hub stores the file, answers 403") || strings.Contains(text, "confidential") {
		t.Error(text)
	}
}

// TestStall: a server that falls silent is given up and asked again.
func TestStall(t *testing.T) {
	c := newClient(t, model(1000))
	c.stall = 50 * time.Millisecond
	silent := true
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
		if !stored || !silent {
			return false
		}
		silent = false
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(c.server.Models[repo].Files["model.safetensors"].Content[:100])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if !strings.Contains(c.text.String(), "does not answer: the server has stopped sending") {
		t.Error(c.text.String())
	}
	if list := c.stored(); len(list) != 2 || list[1].Header.Get("Range") != "bytes=100-" {
		t.Errorf("asked for %v", list)
	}
}
