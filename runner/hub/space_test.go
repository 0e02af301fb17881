package hub

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
)

// full is a disk with room for a number of bytes.
type full struct {
	systemDisk
	free, room int64
	err        error // of a write beyond room
}

func (f *full) Free(string) (int64, error) { return f.free, nil }

func (f *full) Append(path string, offset int64) (output, error) {
	out, err := f.systemDisk.Append(path, offset)
	return &limited{out, f}, err
}

type limited struct {
	output
	disk *full
}

func (l *limited) Write(p []byte) (int, error) {
	if l.disk.room -= int64(len(p)); l.disk.room < 0 {
		return 0, &os.PathError{Op: "write", Path: "x", Err: l.disk.err}
	}
	return l.output.Write(p)
}

// TestDiskFull: too little space is noticed before, and otherwise leaves a part with which another call continues.
func TestDiskFull(t *testing.T) {
	const size = 2 << 20
	c := newClient(t, model(size))
	c.disk = &full{free: size, room: size}
	_, err := c.fetch(t)
	expect.Error(t, err, "2.1 MB are needed in "+c.Cache+", which has 2.1 MB free", "HF_HUB_CACHE")
	if len(c.stored()) != 0 {
		t.Error("the download has begun")
	}
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		c.disk = &full{free: 1 << 40, room: 1 << 20, err: e}
		_, err = c.fetch(t)
		expect.Error(t, err, "model.safetensors: the disk of "+c.Cache+" is full after", "of 2.1 MB", "free some space", "the same command continues")
		if !errors.Is(err, e) || strings.Count(err.Error(), "model.safetensors") != 1 {
			t.Errorf("%v", err)
		}
		c.nothing(t)
	}
	c.renew(t)
	c.stored()
	m, err := c.fetch(t)
	expect.NoError(t, err)
	c.whole(t, m, "model.safetensors", "config.json")
	if list := c.stored(); len(list) != 1 || !strings.HasPrefix(list[0].Header.Get("Range"), "bytes=") {
		t.Errorf("asked for %v", list)
	}
}
