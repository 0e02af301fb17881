package sweep

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

const (
	testBeat  = 10 * time.Millisecond
	testStale = 250 * time.Millisecond
)

func newLocks() *locks {
	return &locks{me: self("1/2"), beat: testBeat, staleAfter: testStale, now: time.Now, seen: map[string]sighting{}}
}

// foreign writes the file of a lock held on another machine.
func foreign(t *testing.T, base string, number, beat int) string {
	t.Helper()
	b, err := json.Marshal(content{owner: owner{Host: "far", Process: 1, Place: "another kernel"}, Beat: beat})
	expect.NoError(t, err)
	path := numbered(base, number)
	expect.NoError(t, os.WriteFile(path, b, 0o666))
	return path
}

// eventually takes a lock as soon as it is free.
func eventually(t *testing.T, l *locks, base string) *held {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		h, _, err := l.take(base)
		expect.NoError(t, err)
		if h != nil {
			return h
		}
	}
	t.Fatal("the lock could not be had")
	return nil
}

// TestLockExcludes: nobody else gets a held lock, however often they try, and a released lock is free at once.
func TestLockExcludes(t *testing.T) {
	base := filepath.Join(t.TempDir(), "task", "seed-1")
	h := eventually(t, newLocks(), base)
	other, clock := newLocks(), time.Now()
	other.now = func() time.Time { return clock }
	for beat := 0; beat < 5; {
		before, err := os.ReadFile(h.path())
		got, holder, takeErr := other.take(base)
		expect.NoError(t, takeErr)
		if got != nil {
			t.Fatal("two have the lock")
		}
		if holder.Process != 0 && (holder.Process != os.Getpid() || holder.Shard != "1/2") {
			t.Fatalf("the holder is %v", holder)
		}
		time.Sleep(testBeat)
		// After the holder has rewritten its file, it may stay silent for nearly staleAfter.
		if now, errNow := os.ReadFile(h.path()); err == nil && errNow == nil && string(now) != string(before) {
			_, _, err := other.take(base)
			expect.NoError(t, err)
			clock, beat = clock.Add(testStale-1), beat+1
		}
	}
	h.release(false)
	got, _, err := other.take(base)
	if err != nil || got == nil {
		t.Fatalf("given back, but not to be had: %v", err)
	}
	got.release(true)
	if left, _ := filepath.Glob(base + "*"); left != nil {
		t.Errorf("left behind when all is done: %v", left)
	}
}

// TestLockStale: a holder whose file stays the same for staleAfter by the watcher's own clock is dead, whatever the file's
// modification time; a holder whose file changes is not.
func TestLockStale(t *testing.T) {
	for name, skew := range map[string]time.Duration{"same clock": 0, "ahead": 100 * time.Hour, "behind": -100 * time.Hour} {
		base := filepath.Join(t.TempDir(), "seed-1")
		path := foreign(t, base, 4, 0)
		stamp := time.Now().Add(skew)
		expect.NoError(t, os.Chtimes(path, stamp, stamp))
		l, clock := newLocks(), time.Now()
		l.now = func() time.Time { return clock }
		locked := func(when string) {
			t.Helper()
			if h, holder, err := l.take(base); err != nil || h != nil || holder.Host != "far" {
				t.Fatalf("%s: taken from %v, who is %s: %v", name, holder, when, err)
			}
		}
		for beat := range 3 * int(testStale/testBeat) / 2 {
			foreign(t, base, 4, beat)
			expect.NoError(t, os.Chtimes(path, stamp, stamp))
			locked("alive")
			clock = clock.Add(testBeat)
		}
		clock = clock.Add(testStale - testBeat - 1)
		locked("not dead for certain")
		clock = clock.Add(1)
		h, _, err := l.take(base)
		if expect.NoError(t, err); h == nil {
			t.Fatalf("%s: not to be had of a dead holder", name)
		}
		if h.path() != numbered(base, 5) {
			t.Errorf("%s: took %s", name, h.path())
		}
		h.release(true)
	}
}

// TestLockTakenOnce: of many processes that watch the lock of a dead holder, at most one at a time holds it.
func TestLockTakenOnce(t *testing.T) {
	base := filepath.Join(t.TempDir(), "seed-1")
	foreign(t, base, 1, 7)
	var holders, most, taken atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			l := newLocks()
			l.staleAfter = 30 * time.Second // for one another; the dead one below is as old as that for all
			l.seen[base] = sighting{first: time.Now().Add(-time.Minute)}
			state := numbered(base, 1)
			b, err := os.ReadFile(state)
			if err == nil {
				info, err := os.Stat(state)
				if err == nil {
					l.seen[base] = sighting{state + string(b) + info.ModTime().String(), time.Now().Add(-time.Minute)}
				}
			}
			for range 60 {
				h, _, err := l.take(base)
				if err != nil {
					t.Error(err)
					return
				}
				if h == nil {
					time.Sleep(time.Millisecond)
					continue
				}
				taken.Add(1)
				if n := holders.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(2 * time.Millisecond)
				if !h.mine() {
					t.Error("lost a lock that nobody had reason to take")
				}
				holders.Add(-1)
				h.release(false)
			}
		}()
	}
	group.Wait()
	if most.Load() != 1 || taken.Load() < 2 {
		t.Errorf("%d held it at once, %d times taken", most.Load(), taken.Load())
	}
}

// TestLockLost: the holder learns that its lock was taken over, and its release keeps the new lock.
func TestLockLost(t *testing.T) {
	base := filepath.Join(t.TempDir(), "seed-1")
	h := eventually(t, newLocks(), base)
	path := foreign(t, base, 2, 0)
	os.Remove(h.path())
	select {
	case <-h.Lost:
	case <-time.After(20 * time.Second):
		t.Fatal("the loss goes unnoticed")
	}
	if h.mine() {
		t.Error("a lost lock counts as held")
	}
	h.release(true)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the other's lock is gone: %v", err)
	}
}

// TestLockSlow: a process that creates a number again that others have passed does not hold the lock.
func TestLockSlow(t *testing.T) {
	base := filepath.Join(t.TempDir(), "seed-1")
	foreign(t, base, 3, 0)
	if n, err := newest(base); n != 3 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	slow := &held{base: base, number: 2}
	expect.NoError(t, os.WriteFile(slow.path(), nil, 0o666))
	if slow.mine() {
		t.Error("an old number counts")
	}
}

// TestOwnerGone: gone is true for a process of this machine that has ended, and false for one that lives or runs elsewhere.
func TestOwnerGone(t *testing.T) {
	ended := exec.Command("true")
	expect.NoError(t, ended.Run())
	me := self("")
	need.That(t, me.Place != "", "this system does not tell its processes apart")
	if me.gone() {
		t.Error("this process is not gone")
	}
	dead := me
	dead.Process = ended.Process.Pid
	if !dead.gone() {
		t.Errorf("process %d has ended", dead.Process)
	}
	later := me
	later.Born = "1"
	if !later.gone() {
		t.Error("a process that was born at another time is another one")
	}
	far := dead
	far.Place = "another kernel"
	if far.gone() {
		t.Error("the number of a process on another machine means nothing here")
	}
	base := filepath.Join(t.TempDir(), "seed-1")
	b, err := json.Marshal(content{owner: dead})
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(numbered(base, 1), b, 0o666))
	h, _, err := newLocks().take(base)
	if err != nil || h == nil {
		t.Fatalf("the lock of a dead process: %v", err)
	}
	h.release(true)
	if text := fmt.Sprint(owner{Host: "box", Process: 12, Shard: "2/8"}); !strings.Contains(text, "box, process 12, shard 2/8") {
		t.Error(text)
	}
}
