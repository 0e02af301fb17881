package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"dtl-tf/graph/tensor"
)

// adapters are the adapters that the server has, by name. A request holds the adapters that it was admitted with until it is
// answered, so replacing or removing one does not disturb it.
type adapters struct {
	engine  Engine
	log     *slog.Logger
	changes sync.Mutex // held while an adapter is opened: one change at a time

	mu       sync.Mutex
	byName   map[string]*served
	versions map[string]int // the last version of each name, removed ones included
}

// served is an adapter in one version.
type served struct {
	Model
	name    string
	version int
	file    string // "" if it was uploaded
	by      source
	holders atomic.Int64 // the table counts as one
}

// source says where an adapter came from.
type source string

const (
	byFlag  source = "command line"
	byAdmin source = "admin"
	byWatch source = "watched folder"
)

// nameForm is the form of adapter names: they stand in URLs, and a colon precedes a verb there.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

func checkName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%.120q can't be the name of an adapter: use up to 100 letters, digits, dots, dashes and underscores", name)
	}
	return nil
}

func newAdapters(engine Engine, log *slog.Logger) *adapters {
	return &adapters{engine: engine, log: log, byName: map[string]*served{}, versions: map[string]int{}}
}

// errOwner is the error of a change by a source that does not own the adapter.
var errOwner = errors.New("the name is taken")

// put opens an adapter file and serves it under a name, in place of the one that has the name. shown is the file's name for users.
// On an error the old one stays.
func (a *adapters) put(ctx context.Context, name, file, shown string, by source) (*served, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	a.changes.Lock()
	defer a.changes.Unlock()
	if old := a.peek(name); old != nil && by == byWatch && old.by != byWatch {
		return nil, fmt.Errorf("adapter %s of the watched folder: %w by an adapter from the %s", name, errOwner, old.by)
	}
	model, err := a.engine.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	s := &served{Model: model, name: name, file: shown, by: by}
	s.holders.Store(1)
	if err := a.warmUp(s); err != nil {
		s.release(a.log)
		return nil, err
	}
	// Go's garbage collector does not see the memory of the graphs on which the adapter was checked, so it would come too late.
	debug.FreeOSMemory()
	a.mu.Lock()
	old := a.byName[name]
	a.versions[name]++
	s.version = a.versions[name]
	a.byName[name] = s
	a.mu.Unlock()
	if old != nil {
		old.release(a.log)
	}
	a.log.Info("adapter serves", "adapter", name, "version", s.version, "classes", s.Classes(), "file", shown, "by", string(by), "replaced", old != nil)
	return s, nil
}

// warmUp classifies a grey image, which has TensorFlow optimise the graph before the first request.
func (a *adapters) warmUp(s *served) error {
	size := a.engine.ImageSize()
	grey := slices.Repeat([]uint8{128}, size*size*3)
	r, err := a.engine.Logits(tensor.Must(grey, 1, size, size, 3), []Part{{s.Model, []int{0}}})
	if err != nil {
		return err
	}
	if at := r.Logits[0].FirstNonFinite(); at >= 0 {
		a.log.Warn("the adapter's logits of a grey image are not finite: predictions with it will fail", "adapter", s.name,
			"logit", at, "value", fmt.Sprint(r.Logits[0].Float32()[at]))
	}
	return nil
}

// remove stops serving an adapter. It returns false if there is none of this name.
func (a *adapters) remove(name string, by source) bool {
	a.changes.Lock()
	defer a.changes.Unlock()
	a.mu.Lock()
	old, ok := a.byName[name]
	delete(a.byName, name)
	a.mu.Unlock()
	if ok {
		old.release(a.log)
		a.log.Info("adapter removed", "adapter", name, "version", old.version, "by", string(by))
	}
	return ok
}

func (a *adapters) peek(name string) *served {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byName[name]
}

// names lists the names of the adapters.
func (a *adapters) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.byName))
}

// acquire returns the adapters of these names, or all sorted by name, and a function that must be called once they are no longer
// needed.
func (a *adapters) acquire(names ...string) ([]*served, func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(a.byName))
	}
	var list []*served
	for _, name := range names {
		s, ok := a.byName[name]
		if !ok {
			return nil, nil, unknownAdapter(name)
		}
		list = append(list, s)
	}
	return list, hold(list, a.log), nil
}

// hold keeps adapters open that are held already, until the function that it returns is called.
func hold(list []*served, log *slog.Logger) (release func()) {
	for _, s := range list {
		s.holders.Add(1)
	}
	return func() {
		for _, s := range list {
			s.release(log)
		}
	}
}

// all lists the adapters by name, without holding them: their models may be closed.
func (a *adapters) all() []*served {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.SortedFunc(maps.Values(a.byName), func(x, y *served) int { return cmp.Compare(x.name, y.name) })
}

func (s *served) release(log *slog.Logger) {
	if s.holders.Add(-1) > 0 {
		return
	}
	if err := s.Close(); err != nil {
		log.Error("close an adapter", "adapter", s.name, "version", s.version, "error", err.Error())
	}
}

// close removes all adapters.
func (a *adapters) close() {
	a.changes.Lock()
	defer a.changes.Unlock()
	a.mu.Lock()
	old := a.byName
	a.byName = map[string]*served{}
	a.mu.Unlock()
	for _, s := range old {
		s.release(a.log)
	}
}
