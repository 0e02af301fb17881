package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/hub/hubtest"
)

// TestFetch downloads a model, and a second time nothing; then another commit of it.
func TestFetch(t *testing.T) {
	c := newClient(t, model(3<<20))
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if m.Path() != filepath.Join(m.Folder, "model.safetensors") || m.Commit != commitA || m.Repo != repo {
		t.Errorf("%+v", m)
	}
	for _, text := range []string{"timm/tiny@main is commit " + commitA + ": 2 files, 3.1 MB, into " + c.Cache, "model.safetensors  3.1 MB of 3.1 MB"} {
		if strings.Count(c.text.String(), text) != 1 {
			t.Errorf("the notes lack %q, or have it twice:\n%s", text, c.text.String())
		}
	}
	if got := os.Getenv("HF_HOME"); !strings.HasPrefix(m.Folder, got) {
		t.Errorf("%s is not in %s", m.Folder, got)
	}
	c.server.Requests()

	again, err := c.fetch(t)
	expect.NoError(t, err)
	if list := c.server.Requests(); len(list) != 1 || !slices.Equal(again.Files, m.Files) {
		t.Errorf("a second call asks %v and returns %+v", list, again)
	}

	next := model(3 << 20)
	next.Commit = commitB
	next.Files["config.json"].Content = []byte(`{"architecture": "other"}`)
	c.server.Models[repo] = next
	m, err = c.fetch(t)
	expect.NoError(t, err)
	if len(c.stored()) != 0 || m.Commit != commitB {
		t.Errorf("the weights, which are the same, were downloaded again: %+v", m)
	}
	if raw, err := os.ReadFile(filepath.Join(c.Cache, "models--timm--tiny", "refs", "main")); err != nil || string(raw) != commitB {
		t.Errorf("refs/main is %q, %v", raw, err)
	}
	if old, err := c.Local(t.Context(), Reference{repo, commitA}); err != nil || old.Commit != commitA {
		t.Errorf("the earlier commit is lost: %+v, %v", old, err)
	}
}

// TestToken: the token goes to the hub and to no other host, and is never shown.
func TestToken(t *testing.T) {
	const token = "hf_confidentialtoken"
	private := model(1000)
	private.Token = token
	c := newClient(t, private)
	t.Setenv("HF_TOKEN", token+"\n") // as from $(cat FILE)
	c.renew(t)
	_, err := c.fetch(t)
	expect.NoError(t, err)
	for _, r := range c.server.Requests() {
		if got := r.Header.Get("Authorization"); r.Stored && got != "" || !r.Stored && got != "Bearer "+token {
			t.Errorf("%s %s (stored: %v) got %q", r.Method, r.Path, r.Stored, got)
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		c.Note(format, c.Settings)
	}
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
		w.Header().Set("X-Error-Message", "no access with "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	_, err = c.fetch(t)
	expect.Error(t, err, "forbids access to timm/tiny (403)", "no access with Bearer ...")
	if text := c.text.String() + err.Error(); strings.Contains(text, token) {
		t.Errorf("the token is shown: %s", text)
	}

	// The file of huggingface_hub's login.
	t.Setenv("HF_TOKEN", "")
	expect.NoError(t, os.WriteFile(filepath.Join(os.Getenv("HF_HOME"), "token"), []byte(token), 0o600))
	c.renew(t)
	c.server.Instead = nil
	_, err = c.fetch(t)
	expect.NoError(t, err)
}

// TestTokenRedirected: a redirect of the listing to another host gets no token either.
func TestTokenRedirected(t *testing.T) {
	c := newClient(t, model(1000))
	other := hubtest.New(t)
	other.Models[repo] = model(1000)
	t.Setenv("HF_TOKEN", "hf_confidentialtoken")
	c.renew(t)
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusPermanentRedirect)
		return true
	}
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	for _, r := range other.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s got the token", r.Method, r.Path)
		}
	}
}

// TestRefusals: each answer of a hub has a message that says what to do.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		token   string
		ref     Reference
		prepare func(m *hubtest.Model)
		want    []string
	}{
		{"no model", "", Reference{"timm/none", "main"}, nil, []string{"has no model timm/none@main", "check the name at http://"}},
		{"no revision", "", Reference{repo, "v9"}, nil, []string{`timm/tiny has no branch, tag or commit "v9"`}},
		{"private", "", Reference{repo, "main"}, func(m *hubtest.Model) { m.Token = "right" }, []string{"no model timm/tiny without a token", "set HF_TOKEN", "token"}},
		{"wrong token", "wrong", Reference{repo, "main"}, func(m *hubtest.Model) { m.Token = "right" }, []string{"refuses the token of HF_TOKEN", "expired"}},
		{"gated", "", Reference{repo, "main"}, func(m *hubtest.Model) { m.Token, m.Gated = "right", true }, []string{"timm/tiny is gated: accept its conditions at http://", "/timm/tiny", "HF_TOKEN"}},
		{"gated, token without access", "wrong", Reference{repo, "main"}, func(m *hubtest.Model) { m.Token, m.Gated = "right", true }, []string{"timm/tiny is gated, and the token of HF_TOKEN is not of an account with access"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := model(1000)
			if c.prepare != nil {
				c.prepare(m)
			}
			h := newClient(t, m)
			t.Setenv("HF_TOKEN", c.token)
			h.renew(t)
			_, err := h.Fetch(t.Context(), c.ref, "")
			expect.Error(t, err, c.want...)
			want := 1 // asking again would not help
			if m.Gated {
				want = 2 // the list is public
			}
			if n := len(h.server.Requests()); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
			h.nothing(t)
		})
	}
}

// TestFileGone: a file of the list that the hub then does not have.
func TestFileGone(t *testing.T) {
	c := newClient(t, model(1000))
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
		if !strings.HasSuffix(r.URL.Path, "model.safetensors") {
			return false
		}
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	_, err := c.fetch(t)
	expect.Error(t, err, "timm/tiny@main has no file model.safetensors")
	c.nothing(t)
}

// TestSharded downloads an index and its shards, and refuses indexes that name other files.
func TestSharded(t *testing.T) {
	sharded := func(index string) *hubtest.Model {
		return &hubtest.Model{Commit: commitA, Files: map[string]*hubtest.File{
			"model.safetensors.index.json":     {Content: []byte(index)},
			"model-00001-of-00002.safetensors": {Content: content(1000, 1), Large: true},
			"model-00002-of-00002.safetensors": {Content: content(2000, 2), Large: true},
			"config.json":                      {Content: []byte("{}")},
			"preprocessor_config.json":         {Content: []byte(`{"image_mean": [0.5]}`)},
		}}
	}
	c := newClient(t, sharded(`{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}`))
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json", "preprocessor_config.json")
	c.server.Requests()
	local, err := c.Local(t.Context(), Reference{repo, "main"})
	if err != nil || !slices.Equal(local.Files, m.Files) || len(c.server.Requests()) != 0 {
		t.Errorf("from the cache: %+v, %v", local, err)
	}
	expect.NoError(t, os.Remove(filepath.Join(m.Folder, "model-00002-of-00002.safetensors")))
	if _, err = c.Local(t.Context(), Reference{repo, "main"}); err != nil || len(c.server.Requests()) == 0 {
		t.Errorf("a missing shard: %v", err)
	}
	for index, want := range map[string][]string{
		`{"weight_map": {"a": "model-00003-of-00002.safetensors"}}`:          {"lacks the shard model-00003-of-00002.safetensors", "incomplete"},
		`{"weight_map": {"a": "../model-00001-of-00002.safetensors"}}`:       {`lists "../model-00001-of-00002.safetensors"`, "do not trust"},
		`{"weight_map": {"a": "/etc/x.safetensors"}}`:                        {`lists "/etc/x.safetensors"`, "do not trust"},
		`{"weight_map": {"a": "sub/model-00001-of-00002.safetensors"}}`:      {"no .safetensors file beside it"},
		`{"weight_map": {"a": "C:\\x\\model-00001-of-00002.safetensors"}}`:   {"no .safetensors file beside it"},
		`{"weight_map": {"a": "model-00001-of-00002.safetensors\u0000.py"}}`: {"no .safetensors file beside it"},
		`{"weight_map": {"a": "config.json"}}`:                               {`lists "config.json"`},
		`{"weight_map": {}}`:                                                 {"lists no weights"},
		`<html>`:                                                             {"damaged or no index"},
	} {
		c := newClient(t, sharded(index))
		_, err := c.fetch(t)
		expect.Error(t, err, want...)
		c.nothingBut(t, "model.safetensors.index.json")
	}
}

// nothingBut checks that the snapshot has no other file.
func (c *client) nothingBut(t *testing.T, name string) {
	t.Helper()
	for _, file := range c.store(repo).files(commitA) {
		if file != name {
			t.Errorf("%s was downloaded", file)
		}
	}
}

// TestNames: file names that leave their folder are refused, wherever they stand.
func TestNames(t *testing.T) {
	for _, name := range []string{"../model.safetensors", "/model.safetensors", "a/../../model.safetensors", `..\model.safetensors`, "a//model.safetensors", "./model.safetensors", "a\nb.safetensors", "../config.json"} {
		m := model(1000)
		m.Files[name] = &hubtest.File{Content: []byte("x")}
		c := newClient(t, m)
		_, err := c.fetch(t)
		expect.Error(t, err, "does not stay within its folder")
		if _, err := os.Stat(c.Cache); err == nil {
			t.Errorf("%q: the cache was made", name)
		}
	}
	for _, text := range []string{"", "a/b/c", "../a", "a/..", "a--b/c", ".a/b", "a/b.git", "a/b@", "a/b@../c", "a/b@/c", "a/b@a/../../c", "a/b@.lock", "a/b@a\\b", "a b/c", "hf:hf:a/b", "https://host/a", "a/b@x\x00"} {
		if ref, err := Parse(text); err == nil {
			t.Errorf("%q is parsed as %+v", text, ref)
		}
	}
	for text, want := range map[string]Reference{
		"a/b": {"a/b", "main"}, "hf:a/b": {"a/b", "main"}, "gpt2": {"gpt2", "main"}, "a/b@refs/pr/1": {"a/b", "refs/pr/1"},
		"timm/vit_base_patch16_224.augreg_in21k@" + commitA: {"timm/vit_base_patch16_224.augreg_in21k", commitA},
	} {
		if ref, err := Parse(text); err != nil || ref != want {
			t.Errorf("%q is parsed as %+v, %v", text, ref, err)
		}
	}
}

// TestSymlinks: a link in place of a file of the snapshot is replaced, and never written through.
func TestSymlinks(t *testing.T) {
	c := newClient(t, model(1000))
	victim := filepath.Join(t.TempDir(), "victim")
	expect.NoError(t, os.WriteFile(victim, []byte("precious"), 0o666))
	folder := filepath.Join(c.Cache, "models--timm--tiny", "snapshots", commitA)
	expect.NoError(t, os.MkdirAll(folder, 0o777))
	expect.NoError(t, os.Symlink(victim, filepath.Join(folder, "model.safetensors")))
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if raw, err := os.ReadFile(victim); err != nil || string(raw) != "precious" {
		t.Errorf("the file that the link led to: %q, %v", raw, err)
	}
}

// TestNotAHub: answers that no hub gives.
func TestNotAHub(t *testing.T) {
	c := newClient(t, model(1000))
	for body, want := range map[string]string{
		"<html>log in to the network</html>": "the answer is not that of a hub",
		`{"sha": "main", "siblings": []}`:    `"main" is not a commit`,
		`{"sha": "` + commitA + `"}`:         "has no weights in .safetensors files",
	} {
		c.server.Instead = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
			_, err := w.Write([]byte(body))
			return err == nil
		}
		_, err := c.fetch(t)
		expect.Error(t, err, want)
	}
	c.server.Instead = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
		http.Redirect(w, r, r.URL.String(), http.StatusFound)
		return true
	}
	_, err := c.fetch(t)
	expect.Error(t, err, "redirects in a circle")
}
