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

// TestAcquire: one process holds a lock, the others learn who, and closing the file releases it.
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

// TestAcquireBound: Acquire gives up on a file system that gives a file a new number at each look.
func TestAcquireBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	original := same
	same = func(*os.File, string) bool { return false }
	defer func() { same = original }()
	if _, err := Acquire(path, syscall.LOCK_EX); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another file system") {
		t.Errorf("got %v", err)
	}
}
