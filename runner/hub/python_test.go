package hub

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// TestPython: huggingface_hub finds what Fetch has downloaded, without the network, and the reverse.
func TestPython(t *testing.T) {
	need.Python(t, "huggingface_hub")
	python := func(code string) string {
		t.Helper()
		command := exec.Command("python3", "-c", "import huggingface_hub as h\n"+code)
		unset := func(pair string) bool { return strings.HasSuffix(pair, "=") } // "" is a value for Python
		command.Env = append(slices.DeleteFunc(os.Environ(), unset), "HF_HUB_DISABLE_XET=1", "HF_HUB_DISABLE_TELEMETRY=1")
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
		}
		return strings.TrimSpace(string(out))
	}
	c := newClient(t, model(2<<20))
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.offline(t)
	for _, name := range m.Files {
		if got := python("print(h.hf_hub_download('timm/tiny', '" + name + "'))"); got != filepath.Join(m.Folder, name) {
			t.Errorf("Python finds %s, want %s", got, filepath.Join(m.Folder, name))
		}
	}
	if got := python("print(h.try_to_load_from_cache('timm/tiny', 'preprocessor_config.json') is h._CACHED_NO_EXIST)"); got != "True" {
		t.Errorf("Python does not know that preprocessor_config.json is absent: %s", got)
	}
	report := python("i = h.scan_cache_dir(); print(len(i.warnings), [(r.repo_id, r.nb_files, r.size_on_disk, sorted(r.refs)) for r in i.repos])")
	if want := "0 [('timm/tiny', 2, 2097175, ['main'])]"; report != want {
		t.Errorf("Python's report of the cache is %s, want %s", report, want)
	}

	t.Setenv("HF_HUB_OFFLINE", "")
	expect.NoError(t, os.RemoveAll(c.Cache))
	c.renew(t)
	for _, name := range m.Files {
		python("print(h.hf_hub_download('timm/tiny', '" + name + "'))")
	}
	c.server.Requests()
	c.text.Reset()
	m, err = c.Local(t.Context(), Reference{repo, "main"})
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if stored := c.stored(); len(stored) != 0 {
		t.Errorf("downloaded again: %v", stored)
	}
	c.offline(t)
	m, err = c.Local(t.Context(), Reference{repo, "main"})
	expect.NoError(t, err)
	if m.Commit != commitA || c.text.Len() != 0 {
		t.Errorf("%+v, %s", m, c.text.String())
	}
}
