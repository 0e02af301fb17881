package hub

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/hub/hubtest"
)

// TestCut: connections that break are resumed where they broke, with the ETag that the storage gave.
func TestCut(t *testing.T) {
	const size, each = 12 << 20, 3<<19 + 7 // more breaks than tries without progress
	c := newClient(t, model(size))
	c.server.Models[repo].Files["model.safetensors"].CutAfter = each
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	var ranges []string
	for i, r := range c.stored() {
		ranges = append(ranges, r.Header.Get("Range"))
		if etag := r.Header.Get("If-Range"); i > 0 && !strings.HasPrefix(etag, `"stored-`) {
			t.Errorf("request %d has If-Range %q", i, etag)
		}
	}
	want := []string{""}
	for at := each; at < size; at += each {
		want = append(want, fmt.Sprintf("bytes=%d-", at))
	}
	if !slices.Equal(ranges, want) {
		t.Errorf("ranges %q, want %q", ranges, want)
	}
	if !strings.Contains(c.text.String(), "broke") || !strings.Contains(c.text.String(), "trying again in 1s") {
		t.Errorf("the notes: %s", c.text.String())
	}
}

// TestCutSmall: a connection that breaks after few bytes each time is given up, and the part is kept for another call.
func TestCutSmall(t *testing.T) {
	c := newClient(t, model(1<<20))
	f := c.server.Models[repo].Files["model.safetensors"]
	f.CutAfter = 1000
	_, err := c.fetch(t)
	expect.Error(t, err, "model.safetensors", "broke", "tried 5 times")
	if want := []time.Duration{1e9, 2e9, 4e9, 8e9}; !slices.Equal(c.clock.slept, want) {
		t.Errorf("it waited %v, want %v", c.clock.slept, want)
	}
	c.nothing(t)
	f.CutAfter = 0
	c.stored()
	c.renew(t)
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if list := c.stored(); len(list) != 1 || list[0].Header.Get("Range") != "bytes=5000-" {
		t.Errorf("asked again for %v", list)
	}
	if !strings.Contains(c.text.String(), "of which 5.0 kB are there already") {
		t.Errorf("the notes: %s", c.text.String())
	}
}

// TestNoRanges: a server that sends the whole file each time.
func TestNoRanges(t *testing.T) {
	c := newClient(t, model(1<<20))
	f := c.server.Models[repo].Files["model.safetensors"]
	f.NoRanges = true
	f.CutAfter = 1 << 19
	tries := 0
	c.server.Instead = func(_ http.ResponseWriter, _ *http.Request, stored bool) bool {
		if tries++; stored && tries > 4 {
			f.CutAfter = 0
		}
		return false
	}
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
}

// TestBadRanges: answers to a request for the rest that are not the rest.
func TestBadRanges(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"not satisfiable": func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		"another range": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 0-999/1048576")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 1000))
		},
		"no range": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 1000))
		},
		"another size": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 1000-2000/2001")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 1001))
		},
		"another content": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 1000-1048575/1048576")
			w.Header().Set("ETag", `"other"`)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 1048576-1000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, model(1<<20))
			f := c.server.Models[repo].Files["model.safetensors"]
			f.CutAfter = 1000
			answered := false
			c.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
				if !stored || r.Header.Get("Range") == "" || answered {
					return false
				}
				answered, f.CutAfter = true, 0
				answer(w)
				return true
			}
			m, err := c.fetch(t)
			expect.NoError(t, err)
			c.whole(t, m, "model.safetensors", "config.json")
			if !answered {
				t.Error("nothing was resumed")
			}
		})
	}
}

// TestDamaged: contents that are not what the hub declares never get their final name.
func TestDamaged(t *testing.T) {
	other := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name, file string
		damage     func(f *hubtest.File)
		want       []string
	}{
		{"checksum", "model.safetensors", func(f *hubtest.File) { f.DeclaredETag = other }, []string{"the download is damaged, and was removed", "its SHA-256 is", "the hub declares " + other}},
		{"Git checksum", "config.json", func(f *hubtest.File) { f.DeclaredETag = other[:40] }, []string{"its Git SHA-1 is", "the hub declares " + other[:40]}},
		{"longer", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "999" }, []string{"sends 1000 bytes, the hub declares 999"}},
		{"shorter", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "1001" }, []string{"sends 1000 bytes, the hub declares 1001"}},
		{"no size", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "many" }, []string{`a size of "many" bytes`}},
		{"negative size", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "-1" }, []string{`a size of "-1" bytes`}},
		{"huge size", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "9000000000000000000" }, []string{"9000000 TB are needed in", "free some space", "HF_HUB_CACHE"}},
		{"overflow", "model.safetensors", func(f *hubtest.File) { f.DeclaredSize = "99999999999999999999" }, []string{"a size of"}},
		{"ETag is a path", "model.safetensors", func(f *hubtest.File) { f.DeclaredETag = "../../../x" }, []string{"the ETag", "identifies no content"}},
		{"large config", "config.json", func(f *hubtest.File) { f.Large, f.DeclaredSize = true, "67108865" }, []string{"67108865 bytes are more than the limit of 67108864"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := model(1000)
			c.damage(m.Files[c.file])
			h := newClient(t, m)
			_, err := h.fetch(t)
			expect.Error(t, err, c.want...)
			h.nothing(t)
			for _, name := range h.blobs(t) {
				if strings.HasSuffix(name, partialEnd) {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// TestUnknownLength: a body without a length that is longer than declared is cut off, one that is shorter is asked for again.
func TestUnknownLength(t *testing.T) {
	for _, endless := range []bool{true, false} {
		c := newClient(t, model(5000))
		f := c.server.Models[repo].Files["model.safetensors"]
		c.server.Instead = func(w http.ResponseWriter, r *http.Request, stored bool) bool {
			if !stored || r.Header.Get("Range") != "" {
				return false
			}
			_, err := w.Write(f.Content[:4000])
			w.(http.Flusher).Flush()
			for endless && err == nil {
				_, err = w.Write(f.Content)
			}
			return true
		}
		m, err := c.fetch(t)
		if endless {
			expect.Error(t, err, "sends more than the 5000 bytes that the hub declares")
			c.nothing(t)
			continue
		}
		expect.NoError(t, err)
		c.whole(t, m, "model.safetensors", "config.json")
		if !strings.Contains(c.text.String(), "stopped after 4000 of 5000 bytes") {
			t.Error(c.text.String())
		}
	}
}

// TestPlantedLink: a link in place of the part is not written through.
func TestPlantedLink(t *testing.T) {
	c := newClient(t, model(5000))
	victim := filepath.Join(t.TempDir(), "victim")
	expect.NoError(t, os.WriteFile(victim, []byte("precious"), 0o666))
	partial := c.store(repo).partial(c.server.Models[repo].Files["model.safetensors"].ETag())
	expect.NoError(t, os.MkdirAll(filepath.Dir(partial), 0o777))
	expect.NoError(t, os.Symlink(victim, partial))
	_, err := c.fetch(t)
	expect.Error(t, err, "the cache: ", partial)
	if raw, err := os.ReadFile(victim); err != nil || string(raw) != "precious" {
		t.Errorf("the file that the link led to: %q, %v", raw, err)
	}
}

// TestDamagedPart: a damaged part from an earlier download costs another download and no more.
func TestDamagedPart(t *testing.T) {
	c := newClient(t, model(5000))
	f := c.server.Models[repo].Files["model.safetensors"]
	for _, part := range [][]byte{content(3000, 7), content(5000, 8), content(6000, 9), {}} {
		blobs := filepath.Join(c.Cache, "models--timm--tiny", "blobs")
		expect.NoError(t, os.RemoveAll(c.Cache))
		expect.NoError(t, os.MkdirAll(blobs, 0o777))
		expect.NoError(t, os.WriteFile(filepath.Join(blobs, f.ETag()+partialEnd), part, 0o666))
		m, err := c.fetch(t)
		expect.NoError(t, err)
		c.whole(t, m, "model.safetensors", "config.json")
	}
}

// TestDamagedBlob: a file of the cache with another size is replaced.
func TestDamagedBlob(t *testing.T) {
	c := newClient(t, model(5000))
	m, err := c.fetch(t)
	expect.NoError(t, err)
	expect.NoError(t, os.Truncate(m.Path(), 4000))
	m, err = c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if !strings.Contains(c.text.String(), "model.safetensors has 4000 bytes in the cache, the hub declares 5000: it is downloaded again") {
		t.Error(c.text.String())
	}
}

// TestUnknownSize: without a declared size the checksum decides; with neither, or another checksum, the size or nothing.
func TestUnknownSize(t *testing.T) {
	c := newClient(t, model(1000))
	strip := func(etag string) func(http.ResponseWriter, *http.Request, bool) bool {
		return func(w http.ResponseWriter, r *http.Request, stored bool) bool {
			f := c.server.Models[repo].Files["model.safetensors"]
			if !strings.HasSuffix(r.URL.Path, "/model.safetensors") {
				return false
			}
			if etag != "" {
				f.DeclaredETag = etag
			}
			w.Header().Set("ETag", `W/"`+f.ETag()+`"`)
			w.(http.Flusher).Flush() // no Content-Length
			if r.Method == http.MethodGet {
				_, _ = w.Write(f.Content)
			}
			return true
		}
	}
	c.server.Instead = strip("")
	m, err := c.fetch(t) // the list has the size
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")

	c = newClient(t, model(1000))
	c.server.Instead = strip("")
	c.server.Models[repo].NoSizes = true
	m, err = c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")

	c = newClient(t, model(65<<20))
	c.server.Instead = strip("")
	c.server.Models[repo].NoSizes = true
	_, err = c.fetch(t)
	expect.Error(t, err, "sends more than 67108864 bytes without telling how many")
	c.nothing(t)

	c = newClient(t, model(1000))
	c.server.Instead = strip("v1")
	_, err = c.fetch(t)
	expect.Error(t, err, "neither a size nor a checksum")

	c = newClient(t, model(1000))
	c.server.Models[repo].Files["model.safetensors"].DeclaredETag = "version-1"
	m, err = c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if !strings.Contains(c.text.String(), "declares no checksum of model.safetensors: only its size is checked") {
		t.Error(c.text.String())
	}
}
