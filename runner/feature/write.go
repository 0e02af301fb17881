package feature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/report"
)

// tempMark begins the names of files that are being written.
const tempMark = ".tmp-"

// Writer writes the missing values of a cache. Nothing of it counts before Commit.
type Writer struct {
	store   *Store
	lock    *os.File
	missing []Value
	files   map[string]*growing
	next    int // the row after the last one written
	skipped []int
}

// growing is a file that is being written from its start to its end.
type growing struct {
	file   *os.File
	digest *xxhash.Digest
	row    []byte // memory for encoding
}

// Writer waits for the right to write and checks that the disk can hold what is missing: a *SpaceError if not. It announces the
// size. While it waited another run may have written the values; then there is nothing to do, and it returns nil. A caller
// that has waited in vain gets an error for which Busy holds.
func (s *Store) Writer(ctx context.Context) (*Writer, error) {
	lock, err := waitToWrite(ctx, s.folder, s.options.Wait, s.options.Note)
	if err != nil {
		if errors.Is(err, errHeld) || ctx.Err() != nil {
			return nil, err
		}
		return nil, explain(s.options.Dir, err)
	}
	w := &Writer{store: s, lock: lock, files: map[string]*growing{}}
	// Another run may have written since this one has looked, other values of the same key perhaps.
	if raw, _ := readRaw(s.folder); !bytes.Equal(raw, s.raw) {
		err = s.read(ctx)
	}
	if err == nil {
		w.missing = s.Missing()
		err = w.begin()
	}
	if err != nil || len(w.missing) == 0 {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Busy tells whether an error says that another run was at work in the cache for too long.
func Busy(err error) bool { return errors.Is(err, errHeld) }

// begin removes what a killed run has left, announces and checks the size and makes the files.
func (w *Writer) begin() error {
	s := w.store
	if len(w.missing) == 0 {
		return nil
	}
	if err := removeTemps(s.folder); err != nil {
		return explain(s.options.Dir, err)
	}
	row, total := int64(0), int64(0)
	for _, v := range w.missing {
		row += s.rowBytes(v)
		total += s.bytes(v)
	}
	s.options.Note("feature cache: %s images x %s = %s in %s", report.Thousands(s.images.Len()), Bytes(row), Bytes(total), s.folder)
	d, err := s.disk(s.folder)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", s.folder, err)
	}
	// Damaged files of the same values go when the new ones are complete, not before: they may be in use.
	if total > d.free-d.room() {
		return &SpaceError{Folder: s.options.Dir, Needed: total, Free: d.free, Room: d.room()}
	}
	for _, v := range w.missing {
		f, err := os.OpenFile(w.temp(v), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
		if err != nil {
			return explain(s.options.Dir, err)
		}
		w.files[v.Name] = &growing{file: f, digest: xxhash.New()}
	}
	return nil
}

func (w *Writer) temp(v Value) string {
	return filepath.Join(w.store.folder, tempMark+fileName(v, w.store.options.Key.Stored))
}

// Missing are the values that are written.
func (w *Writer) Missing() []Value { return w.missing }

// Write takes the values of some images: rows in ascending order over all calls, and for each of the store's values in their
// order a float32 tensor [len(rows), Shape...]. Rows that are left out are of images that can't be read.
func (w *Writer) Write(rows []int, values []tensor.Tensor) error {
	s := w.store
	if len(values) != len(s.options.Values) {
		return fmt.Errorf("feature: got %d values, want %d", len(values), len(s.options.Values))
	}
	next := w.next
	for _, row := range rows {
		if row < next || row >= s.images.Len() {
			return fmt.Errorf("feature: row %d comes after row %d of %d", row, next-1, s.images.Len())
		}
		next = row + 1
	}
	for i, v := range s.options.Values {
		g := w.files[v.Name]
		if g == nil {
			continue // it is there already
		}
		data, elements := values[i].Float32(), int(v.elements())
		if len(data) != len(rows)*elements {
			return fmt.Errorf("feature: value %s has %d elements for %d images of shape %v", v.Name, len(data), len(rows), v.Shape)
		}
		at := w.next
		for k, row := range rows {
			if err := g.zeros(row-at, s.rowBytes(v)); err != nil {
				return explain(s.options.Dir, err)
			}
			if err := g.append(data[k*elements:(k+1)*elements], s.options.Key.Stored); err != nil {
				return explain(s.options.Dir, err)
			}
			at = row + 1
		}
	}
	for _, row := range rows {
		w.skipTo(row)
		w.next = row + 1
	}
	return nil
}

// skipTo notes the rows before row that were not given.
func (w *Writer) skipTo(row int) {
	for r := w.next; r < row; r++ {
		w.skipped = append(w.skipped, r)
	}
}

func (g *growing) append(values []float32, element string) error {
	g.row = encode(g.row[:0], values, element)
	return g.write(g.row)
}

func (g *growing) zeros(rows int, rowBytes int64) error {
	for range rows {
		if err := g.write(make([]byte, rowBytes)); err != nil {
			return err
		}
	}
	return nil
}

func (g *growing) write(b []byte) error {
	_, _ = g.digest.Write(b) // never fails
	_, err := g.file.Write(b)
	return err
}

// Commit puts the files under their names and makes the index say so. The files are not forced to the disk: after a crash the
// checksums tell.
func (w *Writer) Commit() error {
	s := w.store
	if w.next == 0 {
		return errors.New("none of the images can be read")
	}
	w.skipTo(s.images.Len())
	if s.index.Files == nil {
		s.index.Files = map[string]file{}
	}
	for _, v := range w.missing {
		g := w.files[v.Name]
		if err := g.zeros(s.images.Len()-w.next, s.rowBytes(v)); err != nil {
			return explain(s.options.Dir, err)
		}
		if err := g.file.Close(); err != nil {
			return explain(s.options.Dir, err)
		}
		name := fileName(v, s.options.Key.Stored)
		if err := os.Rename(w.temp(v), filepath.Join(s.folder, name)); err != nil {
			return explain(s.options.Dir, err)
		}
		s.index.Files[v.Name] = file{Name: name, Shape: slices.Clone(v.Shape), Bytes: s.bytes(v), Sum: hexSum(g.digest)}
	}
	s.index.Unreadable = union(s.index.Unreadable, w.skipped)
	s.index.Written = time.Now().Round(time.Second)
	if err := s.index.write(s.folder); err != nil {
		return err
	}
	for _, v := range w.missing {
		if err := s.open(v); err != nil {
			return err
		}
	}
	s.sweep()
	return nil
}

// sweep removes files that no index speaks of: those of another version's cache.
func (s *Store) sweep() {
	names, _ := ours(s.folder)
	listed := map[string]bool{}
	for _, f := range s.index.Files {
		listed[f.Name] = true
	}
	for _, name := range names {
		if isValueFile(name) && !listed[name] {
			_ = os.Remove(filepath.Join(s.folder, name)) // it only takes room
		}
	}
}

func union(a, b []int) []int {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Close gives the right to write free. What was not committed is removed.
func (w *Writer) Close() {
	if w.lock == nil {
		return
	}
	for _, g := range w.files {
		_ = g.file.Close() // after Commit it is closed already
	}
	_ = removeTemps(w.store.folder) // the next writer does it too
	w.lock.Close()
	w.lock = nil
}

// removeTemps removes files that were being written. The caller has the lock for writing.
func removeTemps(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempMark) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, syscall.ENOENT) {
				return err
			}
		}
	}
	return nil
}
