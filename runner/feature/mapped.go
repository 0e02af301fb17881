package feature

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// mapped is a memory-mapped value file, whose pages are read from the disk on access. It stays mapped until its last pin is gone,
// because reading unmapped memory would end the process.
type mapped struct {
	path string
	data []byte
	row  int // bytes of a row

	mu     sync.Mutex
	pins   int  // one is held until close
	closed bool // no more pins
}

// mapFile maps a file of rows for reading. The mapping outlives the removal or replacement of the file.
func mapFile(path string, rows int, row int64) (*mapped, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := unix.Mmap(int(f.Fd()), 0, int(int64(rows)*row), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s into memory: %w", path, err)
	}
	return &mapped{path: path, data: data, row: int(row), pins: 1}, nil
}

// pin keeps the file mapped until unpin. It returns false after close.
func (m *mapped) pin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.pins++
	}
	return !m.closed
}

func (m *mapped) unpin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pins--; m.pins == 0 {
		_ = unix.Munmap(m.data) // fails only for memory that is not mapped
	}
}

// close releases the pin of mapFile. Call it once.
func (m *mapped) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.unpin()
}

// view returns a row, valid while the file is pinned.
func (m *mapped) view(row int) []byte { return m.data[row*m.row : (row+1)*m.row : (row+1)*m.row] }

// prefetch asks the kernel to read a row, without waiting for it.
func (m *mapped) prefetch(row int) { _ = unix.Madvise(m.pages(row), unix.MADV_WILLNEED) } // only advice

// evict removes a row from this process's memory. The kernel may keep it in the page cache, and an access maps it again.
func (m *mapped) evict(row int) { _ = unix.Madvise(m.pages(row), unix.MADV_DONTNEED) } // only advice

// pages returns the whole pages that contain a row.
func (m *mapped) pages(row int) []byte {
	page := os.Getpagesize()
	first := row * m.row / page * page
	end := ((row+1)*m.row + page - 1) / page * page
	return m.data[first:min(end, len(m.data))]
}

// touch reads a byte of each page of a row, so that later reads do not wait for the disk. It turns the fault of an unreadable page,
// on a failing disk or in a truncated file, into an error; elsewhere the fault would end the process.
func (m *mapped) touch(row int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("feature cache: row %d of %s can't be read any more (%v): the file was changed or the disk is failing. Remove it with 'dtl-tf cache clear'", row, m.path, fault)
		}
	}()
	pages, sum := m.pages(row), byte(0)
	for i := 0; i < len(pages); i += os.Getpagesize() {
		sum ^= pages[i]
	}
	sink(sum)
	return nil
}

// sink keeps the compiler from removing reads.
//
//go:noinline
func sink(byte) {}
