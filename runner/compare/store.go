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

// store is the folder of the finished rows of one set of settings, a file a method.
type store struct {
	folder   string
	settings Settings
}

// kept is one file of the store.
type kept struct {
	Settings Settings `json:"settings"`
	Row      Row      `json:"row"`
}

// openStore makes the folder for the settings below out, or below the user's cache where out is "".
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
		return nil, fmt.Errorf("the folder for finished rows: %s: %w (choose another --out)", folder, plainError(err))
	}
	if err := checkWritable("--out", folder); err != nil {
		return nil, err
	}
	return &store{folder: folder, settings: s}, nil
}

func (s *store) path(method string) string { return filepath.Join(s.folder, method+".json") }

// load returns the row of a method, or false if it has not been finished. A file that can't be used is an error
// that names it; the row is then as good as missing.
func (s *store) load(method string) (Row, bool, error) {
	raw, err := limit.ReadFile(s.path(method), limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, err
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return Row{}, false, fmt.Errorf("%s: not a complete row: %w", s.path(method), err)
	}
	if k.Row.Method != method || k.Row.Measurement == nil || k.Settings != s.settings {
		return Row{}, false, fmt.Errorf("%s: not a row of these settings", s.path(method))
	}
	return k.Row, true, nil
}

// save keeps a finished row; one that failed is tried again next time.
func (s *store) save(r Row) error {
	if r.Measurement == nil {
		return nil
	}
	return result.WriteJSON(s.path(r.Method), kept{s.settings, r})
}

// plainError drops the path from an error whose message names it already.
func plainError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
