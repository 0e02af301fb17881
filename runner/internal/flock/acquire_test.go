package flock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAcquire: a lock is held by one, named to the others, and free again when it is closed.
func TestAcquire(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := Acquire(path, syscall.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	for _, how := range []int{syscall.LOCK_EX, syscall.LOCK_SH} {
		if _, err := Acquire(path, how); !errors.As(err, &held) || !strings.HasPrefix(held.Holder, fmt.Sprintf("%d on ", os.Getpid())) {
			t.Errorf("held: %v", err)
		}
	}
	f.Close()
	a, errA := Acquire(path, syscall.LOCK_SH)
	b, errB := Acquire(path, syscall.LOCK_SH)
	if errA != nil || errB != nil {
		t.Fatalf("shared: %v, %v", errA, errB)
	}
	a.Close()
	b.Close()
}

// TestAcquireBound: a file that never is the one that was locked, as on file systems that number files anew, is not tried for ever.
func TestAcquireBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	same = func(*os.File, string) bool { return false }
	defer func() { same = Same }()
	if _, err := Acquire(path, syscall.LOCK_EX); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another file system") {
		t.Errorf("got %v", err)
	}
}
