package tfrecord

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

const folder = "../../prepare/testdata/tfds/cifar100"

// TestFile reads files written by TFDS: they have the numbers of records in dataset_info.json and right checksums.
func TestFile(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(folder, "dataset_info.json"))
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Splits []struct {
			Name         string
			ShardLengths []json.Number
		}
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*.tfrecord-*"))
	var seen int
	for _, split := range info.Splits {
		for shard, length := range split.ShardLengths {
			f, err := Open(files[shard+3*map[string]int{"test": 0, "train": 1}[split.Name]])
			if err != nil {
				t.Fatal(err)
			}
			if want, _ := length.Int64(); int64(f.Len()) != want {
				t.Errorf("%s has %d records, want %d", f.f.Name(), f.Len(), want)
			}
			for i := range f.Len() {
				data, err := f.Read(i)
				if err != nil {
					t.Fatal(err)
				}
				e, err := Parse(data)
				if err != nil {
					t.Fatal(err)
				}
				id, err := e.Bytes("id")
				if err != nil || !strings.HasPrefix(string(id), split.Name+"_") {
					t.Errorf("%s, record %d: id %q, %v", f.f.Name(), i, id, err)
				}
				label, err := e.Int("label")
				if err != nil || label < 0 || label > 99 {
					t.Errorf("%s, record %d: label %d, %v", f.f.Name(), i, label, err)
				}
				seen++
			}
			f.Close()
		}
	}
	if seen != 48 {
		t.Errorf("%d records, want 48", seen)
	}
}

// TestMasked: the checksum of eight zeros is TensorFlow's, with which a file of one empty record begins.
func TestMasked(t *testing.T) {
	if sum := Checksum(make([]byte, 8)); sum != 0x07980329 {
		t.Errorf("%#x", sum)
	}
}

// TestDamage: every wrong byte is noticed.
func TestDamage(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(folder, "cifar100-test.tfrecord-*"))
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tfrecord")
	readAll := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for i := range f.Len() {
			if _, err := f.Read(i); err != nil {
				return err
			}
		}
		return nil
	}
	if err := readAll(raw); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 0x10
		if err := readAll(raw); err == nil || !strings.Contains(err.Error(), "x.tfrecord, record ") {
			t.Errorf("byte %d: %v", i, err)
		}
		raw[i] ^= 0x10
	}
	// A file that ends between two records is a whole file with fewer records.
	f, err := Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := map[int]bool{}
	for _, offset := range f.offsets {
		whole[int(offset)] = true
	}
	f.Close()
	for n := range raw {
		if err := readAll(raw[:n]); (err == nil) != whole[n] {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestScan: a stream has the records of the file, which TFDS wrote, and every wrong or missing byte is noticed.
func TestScan(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(folder, "cifar100-test.tfrecord-*"))
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := map[int]bool{}
	for _, offset := range f.offsets {
		whole[int(offset)] = true
	}
	scan := func(b []byte) (n int, err error) {
		err = Scan(iotest.HalfReader(bytes.NewReader(b)), func(record int, data []byte) error {
			want, err := f.Read(record)
			if err != nil || !bytes.Equal(data, want) || record != n {
				t.Errorf("record %d differs from the file's: %v", record, err)
			}
			n++
			return nil
		})
		return n, err
	}
	if n, err := scan(raw); err != nil || n != f.Len() || n == 0 {
		t.Fatalf("%d records, want %d: %v", n, f.Len(), err)
	}
	for i := range raw {
		raw[i] ^= 0x10
		if _, err := scan(raw); err == nil || !strings.HasPrefix(err.Error(), "record ") {
			t.Errorf("byte %d: %v", i, err)
		}
		raw[i] ^= 0x10
	}
	for n := range raw {
		if _, err := scan(raw[:n]); (err == nil) != whole[n] || err != nil && !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	stop := errors.New("enough")
	if err := Scan(bytes.NewReader(raw), func(int, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestExample(t *testing.T) {
	for _, c := range []string{"\x0a\xff", "text", "\x0a\x03\x0a\x01x"} {
		if e, err := Parse([]byte(c)); err == nil {
			if _, err := e.Int("label"); err == nil {
				t.Errorf("%q has a label", c)
			}
		}
	}
	// As TensorFlow serializes a: [3, 4] and b: a Feature of no kind.
	e, err := Parse([]byte("\n\x14\n\x05\n\x01b\x12\x00\n\x0b\n\x01a\x12\x06\x1a\x04\n\x02\x03\x04"))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.Ints("a"); err != nil || len(v) != 2 || v[1] != 4 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := e.Int("a"); err == nil || !strings.Contains(err.Error(), "one whole number") {
		t.Errorf("%v", err)
	}
	if v, err := e.Floats("b"); err != nil || len(v) != 0 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := e.Floats("a"); err == nil {
		t.Error("numbers for whole numbers")
	}
	if _, err := e.Bytes("c"); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("%v", err)
	}
}
