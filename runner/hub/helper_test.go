package hub

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/hub/hubtest"
	"dtl-tf/runner/report"
)

const (
	repo    = "timm/tiny"
	commitA = "1111111111111111111111111111111111111111"
	commitB = "2222222222222222222222222222222222222222"
)

// content returns reproducible bytes.
func content(n int, seed uint64) []byte {
	random, b := rand.New(rand.NewPCG(seed, 0)), make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// model is one with weights of n bytes and a config.json.
func model(n int) *hubtest.Model {
	return &hubtest.Model{Commit: commitA, Files: map[string]*hubtest.File{
		"model.safetensors": {Content: content(n, 1), Large: true},
		"config.json":       {Content: []byte(`{"architecture": "vit"}`)},
		"README.md":         {Content: []byte("a model")},
		"pytorch_model.bin": {Content: []byte("a pickle"), Large: true},
	}}
}

// quick is a clock that waits only on paper.
type quick struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (q *quick) Now() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now
}

func (q *quick) Sleep(ctx context.Context, d time.Duration) error {
	q.mu.Lock()
	q.now, q.slept = q.now.Add(d), append(q.slept, d)
	q.mu.Unlock()
	time.Sleep(time.Millisecond)
	return ctx.Err()
}

// client is a Hub on a hubtest.Hub, with its notes and its progress as text.
type client struct {
	*Hub
	server *hubtest.Hub
	clock  *quick
	text   bytes.Buffer
}

// newClient starts a hub with a model.
func newClient(t *testing.T, m *hubtest.Model) *client {
	t.Helper()
	server := hubtest.New(t)
	server.Environment(t)
	server.Models[repo] = m
	c := &client{server: server}
	c.renew(t)
	return c
}

// renew makes the client anew from the environment, as another process would.
func (c *client) renew(t *testing.T) {
	t.Helper()
	s, err := FromEnvironment()
	expect.NoError(t, err)
	c.Hub = New(s, func(format string, args ...any) { fmt.Fprintf(&c.text, format+"\n", args...) }, report.NewProgress(&c.text, false))
	c.clock = &quick{now: time.Unix(1e9, 0)}
	c.Hub.clock = c.clock
}

func (c *client) fetch(t *testing.T) (Model, error) {
	t.Helper()
	return c.Fetch(t.Context(), Reference{repo, "main"}, "")
}

// whole checks that the cache has the model's files as they are on the server, in huggingface_hub's layout, and nothing else.
func (c *client) whole(t *testing.T, m Model, names ...string) {
	t.Helper()
	from := c.server.Models[repo]
	if got, want := slices.Sorted(slices.Values(m.Files)), slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	root := filepath.Join(c.Cache, "models--timm--tiny")
	if m.Folder != filepath.Join(root, "snapshots", from.Commit) {
		t.Errorf("the snapshot is %s", m.Folder)
	}
	blobs := map[string]bool{}
	for _, name := range names {
		path := filepath.Join(m.Folder, name)
		raw, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(raw, from.Files[name].Content) {
			t.Errorf("%s differs from the hub's: %v", name, err)
		}
		link, err := os.Readlink(path)
		if want := strings.Repeat("../", 2+strings.Count(name, "/")) + "blobs/" + from.Files[name].ETag(); err != nil || link != want {
			t.Errorf("%s is a link to %q, want %q", name, link, want)
		}
		blobs[from.Files[name].ETag()] = true
	}
	for _, e := range c.blobs(t) {
		if !blobs[e] {
			t.Errorf("%s is left in blobs", e)
		}
	}
	if ref, err := os.ReadFile(filepath.Join(root, "refs", "main")); err != nil || string(ref) != from.Commit {
		t.Errorf("refs/main is %q, %v", ref, err)
	}
}

// blobs lists the names in the folder of blobs.
func (c *client) blobs(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.Cache, "models--timm--tiny", "blobs"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// nothing checks that no file of the model appeared under its final name.
func (c *client) nothing(t *testing.T) {
	t.Helper()
	if links, _ := filepath.Glob(filepath.Join(c.Cache, "models--*", "snapshots", "*", "model*")); links != nil {
		t.Errorf("files under their final names: %q", links)
	}
	for _, name := range c.blobs(t) {
		if !strings.HasSuffix(name, partialEnd) && name != c.server.Models[repo].Files["config.json"].ETag() {
			t.Errorf("a blob under its final name: %s", name)
		}
	}
}

// quietProgress shows nothing.
func quietProgress() *report.Progress { return report.NewProgress(nil, true) }

// stored are the requests for contents to the second server.
func (c *client) stored() (list []hubtest.Request) {
	for _, r := range c.server.Requests() {
		if r.Stored {
			list = append(list, r)
		}
	}
	return list
}
