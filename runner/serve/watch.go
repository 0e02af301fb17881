package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/result"
)

// watcher keeps the adapters of a folder served: each NAME.safetensors, and each NAME that is the folder of a run.
type watcher struct {
	folder   string
	adapters *adapters
	metrics  *metrics
	log      *slog.Logger

	handled map[string]os.FileInfo // by path: the state that was loaded or refused for good
	told    map[string]os.FileInfo // by path: the state that was refused for a reason that may pass, and is tried again
	fresh   map[string]os.FileInfo // by path: a new state that has to be the same at the next look
	names   map[string]string      // by path, of those that serve
	hidden  map[string]bool        // entries of the folder that could not be looked at, because of an error
	lost    bool                   // the folder could not be read
}

func newWatcher(folder string, a *adapters, m *metrics, log *slog.Logger) *watcher {
	return &watcher{folder: folder, adapters: a, metrics: m, log: log,
		handled: map[string]os.FileInfo{}, told: map[string]os.FileInfo{}, fresh: map[string]os.FileInfo{}, names: map[string]string{}, hidden: map[string]bool{}}
}

// run looks at the folder again and again until the context ends.
func (w *watcher) run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look(ctx, false)
		}
	}
}

// look loads files that are new or have changed, and removes the adapters of files that are gone. A file may still be written, so it
// is loaded once two looks in a row find it the same, unless atOnce is set.
func (w *watcher) look(ctx context.Context, atOnce bool) {
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		if !w.lost {
			w.log.Error("the watched folder can't be read: its adapters go on serving as they are", "folder", w.folder, "error", err.Error())
		}
		w.lost = true
		return
	}
	if w.lost {
		w.log.Info("the watched folder can be read again", "folder", w.folder)
		w.lost = false
	}
	present := map[string]os.FileInfo{}
	hidden := map[string]bool{}
	var paths []string
	owner := map[string]string{} // by name: the path
	for _, e := range entries {
		path, info, err := adapterAt(w.folder, e.Name())
		if err != nil {
			if hidden[e.Name()] = true; !w.hidden[e.Name()] {
				w.log.Error("an entry of the watched folder can't be looked at: its adapter, if it has one, goes on serving", "entry", filepath.Join(w.folder, e.Name()), "error", err.Error())
			}
			continue
		}
		if info == nil {
			continue
		}
		present[path] = info
		paths = append(paths, path)
		if name, serves := w.names[path]; serves {
			owner[name] = path
		}
	}
	for _, path := range paths {
		name, info := nameOf(path), present[path]
		if other := cmp.Or(owner[name], path); other != path {
			if w.news(path, info, true) {
				w.fail(path, info, fmt.Errorf("two adapters of the watched folder: %w %s: %s and %s", errTwo, name, other, path))
			}
			continue
		}
		owner[name] = path
		if !w.news(path, info, atOnce) {
			continue
		}
		if _, err := w.adapters.put(ctx, name, path, path, byWatch); err != nil {
			if ctx.Err() != nil { // the server stops
				return
			}
			w.fail(path, info, err)
			continue
		}
		w.metrics.changes.WithLabelValues("loaded").Inc()
		w.handled[path], w.names[path] = info, name
		delete(w.told, path)
	}
	w.hidden = hidden
	w.forget(func(path string) bool {
		inside, _ := filepath.Rel(w.folder, path) // it was made from the folder's name
		entry, _, _ := strings.Cut(inside, string(filepath.Separator))
		return present[path] == nil && !hidden[entry]
	})
}

// firstWatched is the first readable adapter of a watched folder, none if there is none.
func firstWatched(folder string) []adapter.Named {
	entries, _ := os.ReadDir(folder) // look reports the error
	for _, e := range entries {
		path, info, _ := adapterAt(folder, e.Name())
		if info == nil {
			continue
		}
		if _, err := adapter.Read(path, func(string, ...any) {}); err == nil {
			return []adapter.Named{{Name: nameOf(path), Path: path}}
		}
	}
	return nil
}

// adapterAt returns the adapter of an entry of a watched folder; info is nil if it has none. The error says that this can't be told, as on
// a disk that fails for a while.
func adapterAt(folder, entry string) (path string, info os.FileInfo, err error) {
	path = filepath.Join(folder, entry)
	if strings.HasPrefix(entry, ".") {
		return path, nil, nil
	}
	if info, err = os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, result.AdapterFile)
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil, nil
	case err != nil:
		return path, nil, err
	case filepath.Ext(path) != filepath.Ext(result.AdapterFile) || !info.Mode().IsRegular():
		return path, nil, nil
	}
	return path, info, nil
}

// news tells whether a file is in a state that was not handled yet and does not change any more.
func (w *watcher) news(path string, info os.FileInfo, atOnce bool) bool {
	if old, ok := w.handled[path]; ok && sameState(old, info) {
		delete(w.fresh, path)
		return false
	}
	if seen, ok := w.fresh[path]; !atOnce && !(ok && sameState(seen, info)) {
		w.fresh[path] = info
		return false
	}
	delete(w.fresh, path)
	return true
}

func sameState(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// errTwo is the error of a second adapter of one name.
var errTwo = errors.New("both have the name")

// fail logs why a file is not served, once for each state of it. A name that another adapter has, or a file that can't be read, may be free
// or readable at the next look.
func (w *watcher) fail(path string, info os.FileInfo, err error) {
	delete(w.handled, path)
	if errors.Is(err, errTwo) || errors.Is(err, errOwner) || errors.As(err, new(*fs.PathError)) {
		if old, ok := w.told[path]; ok && sameState(old, info) {
			return
		}
		w.told[path] = info
	} else {
		w.handled[path] = info
	}
	w.metrics.changes.WithLabelValues("refused").Inc()
	w.log.Error("an adapter of the watched folder is not loaded; the server goes on with what it has", "file", path, "error", err.Error())
}

// forget removes the adapters whose files are gone, also of those that could not be read the last time.
func (w *watcher) forget(gone func(path string) bool) {
	for _, states := range []map[string]os.FileInfo{w.handled, w.told, w.fresh} {
		maps.DeleteFunc(states, func(path string, _ os.FileInfo) bool { return gone(path) })
	}
	for path, name := range w.names {
		if !gone(path) {
			continue
		}
		delete(w.names, path)
		if s := w.adapters.peek(name); s != nil && s.by == byWatch && cmp.Or(s.file, path) == path {
			w.adapters.remove(name, byWatch)
			w.metrics.changes.WithLabelValues("removed").Inc()
		}
	}
}
