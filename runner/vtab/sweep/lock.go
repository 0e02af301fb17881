package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A lock is the file PATH.lock.N with the largest N. N only grows: whoever takes a lock, free or stale, does it by
// creating the file N+1, which the file system lets only one do. So nobody can take over a lock that another has just taken
// over, which removing and renaming could not exclude.
//
// The owner rewrites its file with a counter every beat. Whoever waits watches the file's content and time of change:
// if neither has changed for staleAfter by the watcher's own clock, the owner is dead. Clocks of different machines are never
// compared.
type locks struct {
	me         owner
	beat       time.Duration
	staleAfter time.Duration
	now        func() time.Time

	seen map[string]sighting // by path, of locks that others hold
}

// The usual pace. A file system that hides changes for a minute, as NFS may, still shows a live owner in time.
const (
	usualBeat       = 10 * time.Second
	usualStaleAfter = 150 * time.Second
)

// sighting is a lock's state and when it was seen first.
type sighting struct {
	state string
	first time.Time
}

// content is what a lock's file holds.
type content struct {
	owner
	Beat int  `json:"beat"`
	Free bool `json:"free,omitempty"` // given back
}

// held is a lock that is ours until release, or until Lost is closed.
type held struct {
	base string // without the number
	path string
	me   owner
	Lost chan struct{}

	stop    chan struct{}
	stopped sync.WaitGroup
}

// take tries to get a lock without waiting. It returns nil and the owner if another holds it.
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
	err = json.NewEncoder(f).Encode(content{owner: l.me})
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return nil, owner{}, fmt.Errorf("lock %s: %w", path, err)
	}
	// If we were slow, others may have taken the lock, gone on and removed the number that we have just recreated.
	if now, err := newest(base); err != nil || now != number+1 {
		os.Remove(path)
		return nil, owner{}, err
	}
	removeLocks(base, number)
	h := &held{base: base, path: path, me: l.me, Lost: make(chan struct{}), stop: make(chan struct{})}
	h.stopped.Add(1)
	go h.live(l.beat, l.staleAfter)
	return h, owner{}, nil
}

// look tells who holds the lock in a file, and whether it is free or the holder dead.
func (l *locks) look(path, base string) (owner, bool) {
	var c content
	b, err := os.ReadFile(path)
	if err == nil {
		_ = json.Unmarshal(b, &c) // one that is just being written has no owner yet
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

// live shows the others that the owner is alive, and closes Lost when the lock is another's.
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
		case errors.Is(err, fs.ErrNotExist), listErr == nil && numbered(h.base, number) != h.path:
			close(h.Lost)
			return
		case err == nil:
			last = time.Now()
		case time.Since(last) >= staleAfter: // the others have reason to think us dead
			close(h.Lost)
			return
		}
	}
}

// write replaces the content of the lock's file, which must be there still.
func (h *held) write(c content) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

// mine makes sure that the lock is still ours.
func (h *held) mine() bool {
	select {
	case <-h.Lost:
		return false
	default:
	}
	number, err := newest(h.base)
	return err == nil && numbered(h.base, number) == h.path
}

// release gives the lock back. The file stays, marked as free, unless what it protected is done.
func (h *held) release(done bool) {
	close(h.stop)
	h.stopped.Wait()
	switch {
	case !h.mine():
	case done:
		number, _ := newest(h.base)
		removeLocks(h.base, number)
	default:
		_ = h.write(content{owner: h.me, Free: true}) // if that fails, others find it stale in time
	}
}

func numbered(base string, number int) string { return base + ".lock." + strconv.Itoa(number) }

// newest is the largest number of a lock's files, 0 if there is none.
func newest(base string) (int, error) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return 0, err
	}
	number := 0
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), filepath.Base(base)+".lock."); ok {
			if n, err := strconv.Atoi(text); err == nil {
				number = max(number, n)
			}
		}
	}
	return number, nil
}

// removeLocks removes a lock's files up to a number.
func removeLocks(base string, upTo int) {
	entries, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return
	}
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), filepath.Base(base)+".lock."); ok {
			if n, err := strconv.Atoi(text); err == nil && n <= upTo {
				os.Remove(filepath.Join(filepath.Dir(base), e.Name()))
			}
		}
	}
}
