package tfrecord

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// FuzzOpen reads whole files. Checksums would stop a fuzzer at once, so the lengths are also tried with right ones.
func FuzzOpen(f *testing.F) {
	record := func(length uint64, data string) []byte {
		b := binary.LittleEndian.AppendUint64(nil, length)
		b = binary.LittleEndian.AppendUint32(b, Checksum(b))
		return binary.LittleEndian.AppendUint32(append(b, data...), Checksum([]byte(data)))
	}
	f.Add(record(3, "abc"), uint64(3))
	f.Add(append(record(0, ""), record(3, "abc")[:9]...), uint64(1<<62))
	f.Add(record(1<<40, "abc"), uint64(1<<64-1))
	path := filepath.Join(f.TempDir(), "x.tfrecord")
	f.Fuzz(func(t *testing.T, raw []byte, length uint64) {
		for _, content := range [][]byte{raw, append(record(length, string(raw)), raw...)} {
			if err := os.WriteFile(path, content, 0o666); err != nil {
				t.Fatal(err)
			}
			expect.Memory(t, 64*len(content), func() {
				file, err := Open(path)
				if err != nil {
					return
				}
				defer file.Close()
				total := 0
				for i := range file.Len() {
					data, _ := file.Read(i)
					total += len(data)
				}
				if total > len(content) {
					t.Errorf("%d bytes from %d", total, len(content))
				}
			})
			expect.Memory(t, 64*len(content), func() {
				total := 0
				_ = Scan(bytes.NewReader(content), func(_ int, data []byte) error {
					total += len(data)
					return nil
				})
				if total > len(content) {
					t.Errorf("%d bytes from a stream of %d", total, len(content))
				}
			})
		}
	})
}

// FuzzParse decodes the message in a record.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\x0a\x12\x0a\x10\x0a\x05label\x12\x07\x1a\x05\x0a\x03\x01\x02\x03"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 512*len(raw), func() {
			e, err := Parse(raw)
			if err != nil {
				return
			}
			for _, name := range []string{"label", "image", ""} {
				b, _ := e.Bytes(name)
				whole, _ := e.Ints(name)
				floats, _ := e.Floats(name)
				e.Int(name)
				if len(b)+len(whole)+len(floats) > len(raw) {
					t.Errorf("%d bytes, %d numbers, %d floats from %d bytes", len(b), len(whole), len(floats), len(raw))
				}
			}
		})
	})
}
