package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/result"
)

// store is the folder with the finished rows of the same settings, a file per method.
type store struct {
	folder   string
	settings Settings
}

// kept is the content of a file of the store.
type kept struct {
	Settings Settings `json:"settings"`
	Row      Row      `json:"row"`
}

// openStore creates the folder for the settings in out, "" for the user's cache folder.
func openStore(out string, s Settings) (*store, error) {
	if out == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("where to keep finished rows: %w (name a folder with --out)", err)
		}
		out = filepath.Join(cache, "dtl-tf", "compare")
	}
	folder := filepath.Join(out, s.folder())
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("the folder for finished rows: %s: %w (choose another --out)", folder, result.Bare(err))
	}
	if err := checkWritable("--out", folder); err != nil {
		return nil, err
	}
	return &store{folder: folder, settings: s}, nil
}

func (s *store) path(method string) string { return filepath.Join(s.folder, method+".json") }

// load returns the row of a method, nil if it is missing or, with an error, if its file is unusable.
func (s *store) load(method string) (*Row, error) {
	raw, err := limit.ReadFile(s.path(method), limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, fmt.Errorf("%s: not a complete row: %w", s.path(method), err)
	}
	if k.Row.Method != method || k.Row.Measurement == nil || k.Settings != s.settings {
		return nil, fmt.Errorf("%s: not a row of these settings", s.path(method))
	}
	return &k.Row, nil
}

// save stores a finished row. The next call measures a failed one again.
func (s *store) save(r Row) error {
	if r.Measurement == nil {
		return nil
	}
	return result.WriteJSON(s.path(r.Method), kept{s.settings, r})
}
