package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/hub/hubtest"
)

// TestEnvironment: the variables mean what they mean to huggingface_hub (constants.py).
func TestEnvironment(t *testing.T) {
	hubtest.New(t).Environment(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, c := range []struct {
		set     string // NAME=VALUE ...
		cache   string
		offline bool
	}{
		{"HF_HOME= XDG_CACHE_HOME=", home + "/.cache/huggingface/hub", false},
		{"HF_HOME= XDG_CACHE_HOME=/x", "/x/huggingface/hub", false},
		{"HF_HOME=/h", "/h/hub", false},
		{"HF_HOME=~/h", home + "/h/hub", false},
		{"HF_HOME=$HOME/${HOME}x/$NO_SUCH_VARIABLE", home + home + "x/$NO_SUCH_VARIABLE/hub", false},
		{"HF_HOME=/h HUGGINGFACE_HUB_CACHE=/old", "/old", false},
		{"HF_HOME=/h HUGGINGFACE_HUB_CACHE=/old HF_HUB_CACHE=/c", "/c", false},
		{"HF_HOME=/h HF_HUB_OFFLINE=1", "/h/hub", true},
		{"HF_HOME=/h HF_HUB_OFFLINE=yes", "/h/hub", true},
		{"HF_HOME=/h HF_HUB_OFFLINE=0", "/h/hub", false},
		{"HF_HOME=/h TRANSFORMERS_OFFLINE=True", "/h/hub", true},
	} {
		t.Run(c.set, func(t *testing.T) {
			for pair := range strings.FieldsSeq(c.set) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			s, err := FromEnvironment()
			expect.NoError(t, err)
			if s.Cache != strings.ReplaceAll(c.cache, "//", "/") || s.Offline != c.offline {
				t.Errorf("%+v", s)
			}
		})
	}
	t.Setenv("HF_HUB_OFFLINE", "maybe")
	_, err := FromEnvironment()
	expect.Error(t, err, `HF_HUB_OFFLINE is "maybe" in the environment: want 1`)
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv("HF_ENDPOINT", "")
	if s, err := FromEnvironment(); err != nil || s.Endpoint.String() != "https://huggingface.co" { // as documented
		t.Errorf("%v, %v", s.Endpoint, err)
	}
	for _, bad := range []string{"hub.example", "ftp://hub.example", "https://", "https://user:secret@", "https://user:secret@h", "://", "https://h/?q"} {
		t.Setenv("HF_ENDPOINT", bad)
		_, err := FromEnvironment()
		expect.Error(t, err, "HF_ENDPOINT is not the address of a hub")
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v shows a password", err)
		}
	}
}

// TestTokenFile: HF_TOKEN, or else a file.
func TestTokenFile(t *testing.T) {
	hubtest.New(t).Environment(t)
	file := filepath.Join(os.Getenv("HF_HOME"), "token")
	s, err := FromEnvironment()
	if err != nil || s.Token != "" || s.TokenBy != file {
		t.Errorf("%q by %s, %v", string(s.Token), s.TokenBy, err)
	}
	expect.NoError(t, os.WriteFile(file, []byte("hf_file\n"), 0o600))
	if s, err = FromEnvironment(); err != nil || s.Token != "hf_file" || s.TokenBy != file {
		t.Errorf("%q by %s, %v", string(s.Token), s.TokenBy, err)
	}
	t.Setenv("HF_TOKEN", "hf_variable")
	if s, err = FromEnvironment(); err != nil || s.Token != "hf_variable" || s.TokenBy != "HF_TOKEN" {
		t.Errorf("%q by %s, %v", string(s.Token), s.TokenBy, err)
	}
	t.Setenv("HF_TOKEN", "hf_two words")
	_, err = FromEnvironment()
	expect.Error(t, err, "the token in HF_TOKEN has a space")
	if strings.Contains(err.Error(), "words") {
		t.Errorf("%v shows the token", err)
	}
	t.Setenv("HF_TOKEN", "")
	expect.NoError(t, os.WriteFile(file, make([]byte, 5000), 0o600))
	_, err = FromEnvironment()
	expect.Error(t, err, "the token of the hub", "5000 bytes are more than the limit")
}
