package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/graph/limit"
)

// defaultEndpoint is the hub where HF_ENDPOINT is not set (huggingface_hub, constants.py).
const defaultEndpoint = "https://huggingface.co"

// Settings say where models come from and where they go.
type Settings struct {
	Endpoint *url.URL
	Token    Secret // "" for none
	TokenBy  string // what the token is from: HF_TOKEN or a file; without a token, the file that could have one
	Offline  bool   // the network must not be used
	Cache    string // the folder of all models
}

// Secret is a text that is never printed.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "(secret)" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "(secret)" }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// FromEnvironment reads the settings from the variables that huggingface_hub has (constants.py, utils/_auth.py): HF_ENDPOINT,
// HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HF_HOME and HF_HUB_CACHE.
func FromEnvironment() (Settings, error) {
	var s Settings
	var err error
	if s.Endpoint, err = parseEndpoint(first(os.Getenv("HF_ENDPOINT"), defaultEndpoint)); err != nil {
		return s, err
	}
	if s.Offline, err = offline(); err != nil {
		return s, err
	}
	home := os.Getenv("HF_HOME")
	if home == "" {
		caches := os.Getenv("XDG_CACHE_HOME")
		if caches == "" {
			user, err := os.UserHomeDir()
			if err != nil && os.Getenv("HF_HUB_CACHE") == "" {
				return s, fmt.Errorf("the folder for models is unknown: %w (set HF_HOME)", err)
			}
			caches = filepath.Join(user, ".cache")
		}
		home = filepath.Join(caches, "huggingface")
	}
	home = expand(home)
	s.Cache = expand(first(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub")))
	if s.Cache, err = filepath.Abs(s.Cache); err != nil {
		return s, fmt.Errorf("the folder for models: %w (set HF_HUB_CACHE)", err)
	}
	s.Token, s.TokenBy, err = findToken(expand(first(os.Getenv("HF_TOKEN_PATH"), filepath.Join(home, "token"))))
	return s, err
}

func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("HF_ENDPOINT is not the address of a hub: want https://HOST without a password, or leave it unset for %s", defaultEndpoint) // not shown: it may have a password
	}
	return u, nil
}

// maxToken is far above the length of any token.
const maxToken = 4096

// findToken returns the token of HF_TOKEN, or else of a file, and says where it is from.
func findToken(file string) (token Secret, by string, err error) {
	text, by := strings.TrimSpace(os.Getenv("HF_TOKEN")), "HF_TOKEN"
	if text == "" {
		by = file
		raw, err := limit.ReadFile(file, maxToken)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", by, fmt.Errorf("the token of the hub: %w", err)
		}
		text = strings.TrimSpace(string(raw))
	}
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return "", by, fmt.Errorf("the token in %s has a space or a character that no token has: write it anew", by)
		}
	}
	return Secret(text), by, nil
}

// first returns the first text that is not empty, which an unset variable is.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// offline tells whether the network is forbidden. huggingface_hub takes every value that it does not know for 0; who sets the variable wants
// something, so that another value is an error here.
func offline() (bool, error) {
	for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		text := os.Getenv(name)
		switch strings.ToUpper(text) {
		case "":
			continue
		case "1", "ON", "YES", "TRUE":
			return true, nil
		case "0", "OFF", "NO", "FALSE":
			return false, nil
		}
		return false, fmt.Errorf("%s is %q in the environment: want 1, which forbids the network, or 0", name, text)
	}
	return false, nil
}

// expand replaces variables and a leading ~ in a path, as huggingface_hub does.
func expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == filepath.Separator) {
		if home, err := os.UserHomeDir(); err == nil {
			path = home + rest
		}
	}
	return os.Expand(path, func(name string) string {
		if v, ok := os.LookupEnv(name); ok {
			return v
		}
		return "$" + name // it stays as it is
	})
}
