package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// offline makes the client one of a process with HF_HUB_OFFLINE.
func (c *client) offline(t *testing.T) {
	t.Helper()
	t.Setenv("HF_HUB_OFFLINE", "1")
	c.renew(t)
	c.text.Reset()
	c.server.Requests()
}

// TestOffline: without the network, the cache has the model or an error says what it lacks.
func TestOffline(t *testing.T) {
	c := newClient(t, model(1000))
	ref := Reference{repo, "main"}
	c.offline(t)
	for _, call := range []func() (Model, error){
		func() (Model, error) { return c.Fetch(t.Context(), ref, "") },
		func() (Model, error) { return c.Local(t.Context(), ref) },
	} {
		_, err := call()
		expect.Error(t, err, "HF_HUB_OFFLINE forbids the network", c.Cache+" does not have timm/tiny@main")
	}
	t.Setenv("HF_HUB_OFFLINE", "")
	c.renew(t)
	fetched, err := c.fetch(t)
	expect.NoError(t, err)
	c.offline(t)
	for _, r := range []Reference{ref, {repo, commitA}} {
		m, err := c.Local(t.Context(), r)
		expect.NoError(t, err)
		if m.Path() != fetched.Path() || m.Commit != commitA {
			t.Errorf("%+v, want %+v", m, fetched)
		}
	}
	if text := c.text.String(); text != "" {
		t.Errorf("notes: %s", text)
	}
	_, err = c.Local(t.Context(), Reference{repo, "v2"})
	expect.Error(t, err, "does not have timm/tiny@v2")
	if list := c.server.Requests(); len(list) != 0 {
		t.Errorf("requests: %v", list)
	}
}

// TestLocal: the cache comes first, the network only if it lacks something.
func TestLocal(t *testing.T) {
	c := newClient(t, model(1000))
	ref := Reference{repo, "main"}
	m, err := c.Local(t.Context(), ref)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	next := model(1000)
	next.Commit = commitB // the branch moves
	c.server.Models[repo] = next
	c.server.Requests()
	m, err = c.Local(t.Context(), ref)
	expect.NoError(t, err)
	if list := c.server.Requests(); len(list) != 0 || m.Commit != commitA {
		t.Errorf("requests %v, commit %s", list, m.Commit)
	}
	if !strings.Contains(c.text.String(), "timm/tiny@main is commit "+commitA+" in the cache") {
		t.Error(c.text.String())
	}
	expect.NoError(t, os.Remove(filepath.Join(m.Folder, "model.safetensors")))
	m, err = c.Local(t.Context(), ref)
	expect.NoError(t, err)
	if m.Commit != commitB {
		t.Errorf("commit %s", m.Commit)
	}
}

// TestWeightsAlone: another program has downloaded the weights only. The config files beside them decide about the result, so
// they are asked for; if that is not possible, a note says what may be guessed.
func TestWeightsAlone(t *testing.T) {
	for _, reachable := range []bool{true, false} {
		c := newClient(t, model(1000))
		ref := Reference{repo, "main"}
		m, err := c.fetch(t)
		expect.NoError(t, err)
		expect.NoError(t, os.Remove(filepath.Join(m.Folder, "config.json")))
		c.text.Reset()
		c.server.Requests()
		if !reachable {
			c.server.Instead = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}
		m, err = c.Local(t.Context(), ref)
		expect.NoError(t, err)
		if reachable {
			c.whole(t, m, "model.safetensors", "config.json")
			if len(c.stored()) != 0 || m.Revision != "main" {
				t.Errorf("%+v", m)
			}
			continue
		}
		if len(m.Files) != 1 || len(c.clock.slept) != 0 {
			t.Errorf("%+v, after waiting %v", m, c.clock.slept)
		}
		c.offline(t)
		_, err = c.Local(t.Context(), ref)
		expect.NoError(t, err)
		if want := "nothing tells whether the model also has config.json: what they would tell may be guessed"; !strings.Contains(c.text.String(), want) {
			t.Errorf("no note %q: %s", want, c.text.String())
		}
	}
}

// TestReadOnly: a complete model in a cache that cannot be written to is found.
func TestReadOnly(t *testing.T) {
	if !need.Permissions(t) {
		return
	}
	c := newClient(t, model(1000))
	_, err := c.fetch(t)
	expect.NoError(t, err)
	root := filepath.Join(c.Cache, "models--timm--tiny")
	var folders []string
	expect.NoError(t, filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if info.IsDir() {
			folders = append(folders, path)
		}
		return err
	}))
	for _, f := range folders {
		expect.NoError(t, os.Chmod(f, 0o555))
		t.Cleanup(func() { _ = os.Chmod(f, 0o755) })
	}
	if _, err := c.fetch(t); err != nil {
		t.Error(err)
	}
	if _, err := c.Local(t.Context(), Reference{repo, "main"}); err != nil {
		t.Error(err)
	}
	next := model(1000)
	next.Commit = commitB
	c.server.Models[repo] = next
	_, err = c.fetch(t)
	expect.Error(t, err, "the cache: ", "permission denied", "it is not writable", "HF_HUB_CACHE")
}

// TestOrigin recognises paths in a cache, and no others.
func TestOrigin(t *testing.T) {
	for path, want := range map[string][2]string{
		"/c/hub/models--timm--tiny/snapshots/" + commitA + "/model.safetensors":  {"timm/tiny", commitA},
		"/c/hub/models--timm--tiny/snapshots/" + commitA + "/a/x.safetensors":    {"timm/tiny", commitA},
		"models--gpt2/snapshots/" + commitA:                                      {"gpt2", commitA},
		"/c/hub/models--timm--tiny/snapshots/main/model.safetensors":             {},
		"/c/hub/datasets--timm--tiny/snapshots/" + commitA + "/x.safetensors":    {},
		"/c/hub/models--timm--tiny/blobs/" + commitA:                             {},
		"/models--a--b/snapshots/../snapshots/" + commitB + "/model.safetensors": {"a/b", commitB},
		"model.safetensors": {},
		"":                  {},
	} {
		if repo, commit, ok := Origin(path); repo != want[0] || commit != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q, %q, %v", path, repo, commit, ok)
		}
	}
}
