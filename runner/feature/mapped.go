package feature

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// mapped is the file of a value in memory. Its pages come from the disk when they are read. It stays mapped until the last of
// its holders lets go: reading what is unmapped would be the end of the process.
type mapped struct {
	path string
	data []byte
	row  int // bytes of one

	changing sync.Mutex
	holders  int  // who mapped it is one until close
	closed   bool // nobody takes hold of it any more
}

// mapFile maps a file of so many rows for reading. The file may be removed or replaced meanwhile.
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
	return &mapped{path: path, data: data, row: int(row), holders: 1}, nil
}

// hold keeps the file mapped until letGo. It is false after close.
func (m *mapped) hold() bool {
	m.changing.Lock()
	defer m.changing.Unlock()
	if !m.closed {
		m.holders++
	}
	return !m.closed
}

func (m *mapped) letGo() {
	m.changing.Lock()
	defer m.changing.Unlock()
	if m.holders--; m.holders == 0 {
		_ = unix.Munmap(m.data) // only fails for what is not mapped
	}
}

// close is for who mapped the file, once.
func (m *mapped) close() {
	m.changing.Lock()
	m.closed = true
	m.changing.Unlock()
	m.letGo()
}

// view is a row, valid as long as it is held.
func (m *mapped) view(row int) []byte { return m.data[row*m.row : (row+1)*m.row : (row+1)*m.row] }

// announce asks the kernel to read a row, without waiting for it.
func (m *mapped) announce(row int) { _ = unix.Madvise(m.pages(row), unix.MADV_WILLNEED) } // only advice

// release takes a row out of this process's memory. It stays in the kernel's cache as long as there is room for it, and comes
// back when it is read.
func (m *mapped) release(row int) { _ = unix.Madvise(m.pages(row), unix.MADV_DONTNEED) } // only advice

// pages are the whole pages around a row.
func (m *mapped) pages(row int) []byte {
	page := os.Getpagesize()
	first := row * m.row / page * page
	end := ((row+1)*m.row + page - 1) / page * page
	return m.data[first:min(end, len(m.data))]
}

// touch reads a byte of each page of a row, so that nobody waits for the disk later. What can't be read, because the disk fails
// or somebody cut the file off, is an error here; elsewhere it would be the end of the process.
func (m *mapped) touch(row int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("feature cache: row %d of %s can't be read any more (%v): was it changed meanwhile, or does the disk fail? Remove it with 'dtl-tf cache clear'", row, m.path, fault)
		}
	}()
	pages, sum := m.pages(row), byte(0)
	for i := 0; i < len(pages); i += os.Getpagesize() {
		sum ^= pages[i]
	}
	sink(sum)
	return nil
}

// sink keeps the compiler from leaving out what only reads.
//
//go:noinline
func sink(byte) {}
