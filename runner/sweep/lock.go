package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// locks takes locks that also exclude the processes of other machines, on file systems where flock may not.
//
// A lock is the file PATH.lock.N with the largest N, and N only grows. Taking a lock, free or stale, means creating the file N+1,
// which the file system allows only one process. Removing or renaming files could not rule out that one process takes over a lock
// that another has just taken over.
//
// The owner rewrites its file with a counter every beat. The others watch the content and the modification time: if both stay the
// same for staleAfter by the watcher's own clock, the owner is dead. Clocks of different machines are never compared.
type locks struct {
	me         owner
	beat       time.Duration
	staleAfter time.Duration
	now        func() time.Time

	seen map[string]sighting // by path, of locks that others hold
}

// The usual pace shows a live owner in time even on a file system that hides changes for a minute, as NFS may.
const (
	usualBeat       = 10 * time.Second
	usualStaleAfter = 150 * time.Second
)

// sighting is the state of a lock and when it was first seen.
type sighting struct {
	state string
	first time.Time
}

// content is the content of a lock's file.
type content struct {
	owner
	Beat int  `json:"beat"`
	Free bool `json:"free,omitempty"` // released
}

// held is a lock that this process holds until it calls release or Lost is closed.
type held struct {
	base   string
	number int
	me     owner
	Lost   chan struct{}

	stop    chan struct{}
	stopped sync.WaitGroup
}

// take tries to take a lock without waiting. If another process holds it, take returns nil and the owner.
func (l *locks) take(base string) (*held, owner, error) {
	if err := os.MkdirAll(filepath.Dir(base), 0o777); err != nil {
		return nil, owner{}, fmt.Errorf("lock: %w", err)
	}
	number, err := newest(base)
	if err != nil {
		return nil, owner{}, fmt.Errorf("lock: %w", err)
	}
	if number > 0 {
		holder, free := l.look(numbered(base, number), base)
		if !free {
			return nil, holder, nil
		}
	}
	delete(l.seen, base)
	path := numbered(base, number+1)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		holder, _ := l.look(path, base)
		return nil, holder, nil
	}
	if err != nil {
		return nil, owner{}, fmt.Errorf("lock: %w", err)
	}
	if err := put(f, content{owner: l.me}); err != nil {
		os.Remove(path)
		return nil, owner{}, fmt.Errorf("lock %s: %w", path, err)
	}
	// If this process was slow, others may have taken the lock, moved on and removed the number that it has just created again.
	if now, err := newest(base); err != nil || now != number+1 {
		os.Remove(path)
		return nil, owner{}, err
	}
	removeUpTo(base, number)
	h := &held{base: base, number: number + 1, me: l.me, Lost: make(chan struct{}), stop: make(chan struct{})}
	h.stopped.Add(1)
	go h.live(l.beat, l.staleAfter)
	return h, owner{}, nil
}

// look returns the owner that a lock's file names, and whether the lock is free because it was released or its owner is dead.
func (l *locks) look(path, base string) (owner, bool) {
	var c content
	b, err := os.ReadFile(path)
	if err == nil {
		_ = json.Unmarshal(b, &c) // a file that is being written has no owner yet
	}
	if c.Free || c.gone() {
		return c.owner, true
	}
	state := path + string(b)
	if info, err := os.Stat(path); err == nil {
		state += info.ModTime().String()
	}
	if before, ok := l.seen[base]; !ok || before.state != state {
		l.seen[base] = sighting{state, l.now()}
	}
	return c.owner, l.now().Sub(l.seen[base].first) >= l.staleAfter
}

// whileHeld returns a context that ends once one of the locks is lost. Call cancel when the work is done.
func whileHeld(ctx context.Context, list ...*held) (locked context.Context, cancel context.CancelFunc) {
	locked, cancel = context.WithCancel(ctx)
	for _, lock := range list {
		go func() {
			select {
			case <-lock.Lost:
				cancel()
			case <-locked.Done():
			}
		}()
	}
	return locked, cancel
}

// live rewrites the lock's file until stop is closed, and closes Lost if another process takes the lock over.
func (h *held) live(beat, staleAfter time.Duration) {
	defer h.stopped.Done()
	last := time.Now()
	for count := 1; ; count++ {
		select {
		case <-h.stop:
			return
		case <-time.After(beat):
		}
		err := h.write(content{owner: h.me, Beat: count})
		number, listErr := newest(h.base)
		switch {
		case errors.Is(err, fs.ErrNotExist), listErr == nil && number != h.number:
			close(h.Lost)
			return
		case err == nil:
			last = time.Now()
		case time.Since(last) >= staleAfter: // the others may have declared this owner dead
			close(h.Lost)
			return
		}
	}
}

// write replaces the content of the lock's file, which must still exist.
func (h *held) write(c content) error {
	f, err := os.OpenFile(h.path(), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return put(f, c)
}

// put writes the content of a lock's file and closes it.
func put(f *os.File, c content) error {
	return errors.Join(json.NewEncoder(f).Encode(c), f.Close())
}

// mine reports whether this process still holds the lock.
func (h *held) mine() bool {
	select {
	case <-h.Lost:
		return false
	default:
	}
	number, err := newest(h.base)
	return err == nil && number == h.number
}

// release gives the lock up. It removes the lock's files if the work under the lock is done, and otherwise marks the lock as
// free.
func (h *held) release(done bool) {
	close(h.stop)
	h.stopped.Wait()
	switch {
	case !h.mine():
	case done:
		removeUpTo(h.base, h.number)
	default:
		_ = h.write(content{owner: h.me, Free: true}) // if this fails, the lock becomes stale
	}
}

func (h *held) path() string { return numbered(h.base, h.number) }

func numbered(base string, number int) string { return base + ".lock." + strconv.Itoa(number) }

// numbers lists the numbers of a lock's files.
func numbers(base string) (list []int, err error) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), filepath.Base(base)+".lock."); ok {
			if n, err := strconv.Atoi(text); err == nil {
				list = append(list, n)
			}
		}
	}
	return list, nil
}

// newest returns the largest number of a lock's files, 0 if there are none.
func newest(base string) (int, error) {
	list, err := numbers(base)
	return slices.Max(append(list, 0)), err
}

// removeUpTo removes a lock's files up to the number last.
func removeUpTo(base string, last int) {
	list, _ := numbers(base)
	for _, n := range list {
		if n <= last {
			os.Remove(numbered(base, n))
		}
	}
}
