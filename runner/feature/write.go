package feature

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// tempMark is the prefix of the names of incomplete files.
const tempMark = ".tmp-"

// Writer writes the missing values of a cache. They become part of the cache by Commit.
type Writer struct {
	store   *Store
	lock    *os.File
	missing []Value
	files   map[string]*growing
	rows    []int // that were written, ascending
}

// growing is a file that is written sequentially.
type growing struct {
	file   *os.File
	digest *xxhash.Digest
	rows   int    // number of rows written
	row    []byte // buffer for encoding
}

// Writer waits for the lock for writing, notes the size of the missing values and checks that the disk can hold them. It returns
// nil if another run wrote them during the wait. Busy holds for its error if the wait was too long.
func (s *Store) Writer(ctx context.Context) (*Writer, error) {
	lock, err := waitToWrite(ctx, s.folder, s.options.Wait, s.options.Note)
	if err != nil {
		if errors.Is(err, errHeld) || ctx.Err() != nil {
			return nil, err
		}
		return nil, explain(s.options.Dir, err)
	}
	w := &Writer{store: s, lock: lock, files: map[string]*growing{}}
	// Another run may have written values of the same key since Open.
	if raw, _ := readRaw(s.folder); !bytes.Equal(raw, s.raw) {
		err = s.read(ctx)
	}
	if err == nil {
		if w.missing = s.Missing(); len(w.missing) > 0 {
			err = w.begin()
		}
	}
	if err != nil || len(w.missing) == 0 {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Busy reports whether an error says that another run used the cache for too long.
func Busy(err error) bool { return errors.Is(err, errHeld) }

// begin removes the files that a killed run left, notes and checks the size and creates the files.
func (w *Writer) begin() error {
	s := w.store
	if err := removeTemps(s.folder); err != nil {
		return explain(s.options.Dir, err)
	}
	row, total := int64(0), int64(0)
	for _, v := range w.missing {
		row += s.rowBytes(v)
		total += s.bytes(v)
	}
	s.options.Note("feature cache: %s images x %s = %s in %s", report.Thousands(s.images.Len()), report.Bytes(row), report.Bytes(total), s.folder)
	d, err := s.disk(s.folder)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", s.folder, err)
	}
	// Damaged files of the same values still count: they may be in use, and are replaced only by complete ones.
	if total > d.free-d.reserve() {
		return &spaceError{folder: s.options.Dir, needed: total, free: d.free, reserve: d.reserve()}
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

// Missing lists the values to write.
func (w *Writer) Missing() []Value { return w.missing }

// Write writes the values of some images: one float32 tensor [len(rows), Shape...] for each value of Options, in that order. Rows
// ascend over all calls; skipped rows are unreadable images.
func (w *Writer) Write(rows []int, values []tensor.Tensor) error {
	s := w.store
	if len(values) != len(s.options.Values) {
		return fmt.Errorf("feature: got %d values, want %d", len(values), len(s.options.Values))
	}
	last := -1
	if len(w.rows) > 0 {
		last = w.rows[len(w.rows)-1]
	}
	for _, row := range rows {
		if row <= last || row >= s.images.Len() {
			return fmt.Errorf("feature: row %d comes after row %d of %d", row, last, s.images.Len())
		}
		last = row
	}
	for i, v := range s.options.Values {
		g := w.files[v.Name]
		if g == nil {
			continue // not missing
		}
		data, elements := values[i].Float32(), v.elements()
		if len(data) != len(rows)*elements {
			return fmt.Errorf("feature: value %s has %d elements for %d images of shape %v", v.Name, len(data), len(rows), v.Shape)
		}
		for k, row := range rows {
			err := g.skipTo(row, s.rowBytes(v))
			if err == nil {
				g.row = encode(g.row[:0], data[k*elements:(k+1)*elements], s.options.Key.Stored)
				err = g.write(g.row)
			}
			if err != nil {
				return explain(s.options.Dir, err)
			}
		}
	}
	w.rows = append(w.rows, rows...)
	return nil
}

// encode appends values to b as little-endian float32, or as bfloat16 rounded to nearest, ties to even.
func encode(b []byte, values []float32, element graph.Precision) []byte {
	if element == graph.BF16 {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint16(b, uint16(tensor.RoundBFloat16(v)))
		}
		return b
	}
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// skipTo writes zeros to the rows before row.
func (g *growing) skipTo(row int, rowBytes int64) error {
	for g.rows < row {
		if err := g.write(make([]byte, rowBytes)); err != nil {
			return err
		}
	}
	return nil
}

func (g *growing) write(row []byte) error {
	g.rows++
	_, _ = g.digest.Write(row) // never fails
	_, err := g.file.Write(row)
	return err
}

// Commit renames the files and adds them to the index. It does not sync the files: checksums detect what a crash of the system
// lost.
func (w *Writer) Commit() error {
	s := w.store
	if len(w.rows) == 0 {
		return errors.New("none of the images can be read")
	}
	if s.index.Files == nil {
		s.index.Files = map[string]file{}
	}
	for _, v := range w.missing {
		g := w.files[v.Name]
		name := fileName(v, s.options.Key.Stored)
		err := g.skipTo(s.images.Len(), s.rowBytes(v))
		if err == nil {
			err = g.file.Close()
		}
		if err == nil {
			err = os.Rename(w.temp(v), filepath.Join(s.folder, name))
		}
		if err != nil {
			return explain(s.options.Dir, err)
		}
		s.index.Files[v.Name] = file{Name: name, Shape: slices.Clone(v.Shape), Bytes: s.bytes(v), Sum: hexSum(g.digest)}
	}
	unreadable := s.index.Unreadable
	for row := range s.images.Len() {
		if _, written := slices.BinarySearch(w.rows, row); !written {
			unreadable = append(unreadable, row)
		}
	}
	slices.Sort(unreadable)
	s.index.Unreadable = slices.Compact(unreadable)
	s.index.Written = time.Now().Round(time.Second)
	if err := result.WriteJSON(filepath.Join(s.folder, indexFile), s.index); err != nil {
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

// sweep removes value files that the index does not list, such as those of another version.
func (s *Store) sweep() {
	names, _ := cacheFiles(s.folder)
	listed := map[string]bool{}
	for _, f := range s.index.Files {
		listed[f.Name] = true
	}
	for _, name := range names {
		if isValueFile(name) && !listed[name] {
			_ = os.Remove(filepath.Join(s.folder, name)) // a leftover does no harm
		}
	}
}

// Close releases the lock for writing and removes uncommitted files.
func (w *Writer) Close() {
	if w.lock == nil {
		return
	}
	for _, g := range w.files {
		_ = g.file.Close() // after Commit it is closed already
	}
	_ = removeTemps(w.store.folder) // the next writer tries again
	w.lock.Close()
	w.lock = nil
}

// removeTemps removes incomplete files, also those that result.WriteFile left when its process was killed. The caller holds the lock for
// writing.
func removeTemps(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if isTemp(e.Name()) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, syscall.ENOENT) {
				return err
			}
		}
	}
	return nil
}
