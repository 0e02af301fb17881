package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// code is device code for a fat binary of a test.
type code struct {
	kind, arch int
	payload    string
}

// fatbin builds a fat binary as nvcc lays it out, with headers of entries of 64 bytes.
func fatbin(codes ...code) []byte {
	var entries []byte
	for _, c := range codes {
		head := make([]byte, 64)
		binary.LittleEndian.PutUint16(head, uint16(c.kind))
		binary.LittleEndian.PutUint16(head[2:], 0x101)
		binary.LittleEndian.PutUint32(head[4:], 64)
		binary.LittleEndian.PutUint64(head[8:], uint64(len(c.payload)))
		binary.LittleEndian.PutUint32(head[28:], uint32(c.arch))
		entries = append(append(entries, head...), c.payload...)
	}
	out := binary.LittleEndian.AppendUint32(nil, fatbinMagic)
	out = binary.LittleEndian.AppendUint16(out, 1)
	out = binary.LittleEndian.AppendUint16(out, 16)
	return append(binary.LittleEndian.AppendUint64(out, uint64(len(entries))), entries...)
}

// TestDeviceCode: of each fat binary the code stays that a driver would choose for the card, and only the code of others becomes zeroes.
func TestDeviceCode(t *testing.T) {
	all := []code{{kindELF, 60, "sixty"}, {kindELF, 80, "eighty"}, {kindELF, 90, "ninety"}, {kindELF, 90, "ninety too"}, {kindPTX, 90, "text"}}
	data := append([]byte("before"), fatbin(all...)...)
	data = append(append(data, "between"...), fatbin(code{kindPTX, 50, "only text"})...)
	for _, c := range []struct {
		arch int
		kept []string
	}{
		{90, []string{"ninety", "ninety too", "only text"}},
		{80, []string{"eighty", "only text"}},
		{86, []string{"eighty", "only text"}}, // machine code of the same major version
		{61, []string{"sixty", "only text"}},
		{120, []string{"text", "only text"}}, // the driver compiles PTX for later cards
	} {
		var d deviceCode
		if err := d.add(data, 0, c.arch); err != nil {
			t.Fatalf("sm_%d: %v", c.arch, err)
		}
		// One byte at a time, to cross every border.
		got, err := io.ReadAll(newBlanked(iotest.OneByteReader(bytes.NewReader(data)), d.others))
		whole, err2 := io.ReadAll(newBlanked(bytes.NewReader(data), d.others))
		if err != nil || err2 != nil || !bytes.Equal(got, whole) || len(got) != len(data) {
			t.Fatalf("sm_%d: %v, %v, %d bytes of %d", c.arch, err, err2, len(got), len(data))
		}
		want := slices.Clone(data)
		for _, entry := range append(slices.Clone(all), code{kindPTX, 50, "only text"}) {
			if !slices.Contains(c.kept, entry.payload) {
				at := bytes.Index(want, []byte(entry.payload))
				if entry.payload == "text" {
					at = bytes.Index(want, []byte("\x00text")) + 1
				}
				if entry.payload == "ninety" {
					at = bytes.Index(want, []byte("\x00ninety")) + 1
				}
				clear(want[at : at+len(entry.payload)])
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("sm_%d: got %q, want %q", c.arch, got, want)
		}
		if d.fatbins != 2 || len(d.kept) != len(c.kept) || len(d.others) != 6-len(c.kept) {
			t.Errorf("sm_%d: %d fat binaries, %d entries kept, %d not", c.arch, d.fatbins, len(d.kept), len(d.others))
		}
	}
}

// TestDeviceCodeRefused: a card that the library has nothing for, and formats that are unknown, are errors.
func TestDeviceCodeRefused(t *testing.T) {
	whole := fatbin(code{kindELF, 80, "eighty"})
	unknown := slices.Clone(whole)
	unknown[16] = 7
	for _, c := range []struct {
		data []byte
		want string
	}{
		{whole, "nothing for sm_90, only sm_80"},
		{whole[:10], "cut off"},
		{whole[:len(whole)-1], "not a known format"},
		{unknown, "kind 7"},
	} {
		var d deviceCode
		expect.Error(t, d.add(c.data, 0, 90), c.want)
	}
}

// TestTensorFlow reads the fat binaries of a CUDA build, of which cuobjdump lists 279 with code for sm_60 to sm_90.
func TestTensorFlow(t *testing.T) {
	library := filepath.Join("..", "..", ".deps", "libtensorflow", "lib", "libtensorflow_cc.so.2")
	cuda, err := hasDeviceCode(library)
	need.That(t, err == nil && cuda, "no CUDA build of libtensorflow in .deps")
	f, err := os.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := findDeviceCode(f, 90)
	if err != nil || d.fatbins != 279 || describe(d.kept) != "sm_90" || describe(d.others) != "sm_60, sm_70, sm_80, sm_89, PTX 90" {
		t.Errorf("%v, %d fat binaries, kept %s, others %s", err, d.fatbins, describe(d.kept), describe(d.others))
	}
}

// TestPieces: the pieces have the size asked for, join to what was written, and have the checksums that are written beside them.
func TestPieces(t *testing.T) {
	for _, c := range []struct {
		limit int64
		want  []string
	}{
		{0, []string{"0123456789abc"}},
		{5, []string{"01234", "56789", "abc"}},
		{13, []string{"0123456789abc"}},
	} {
		name := filepath.Join(t.TempDir(), "x.tar.xz")
		p := &pieces{name: name, limit: c.limit}
		for _, part := range []string{"0123456", "", "789abc"} {
			if n, err := p.Write([]byte(part)); err != nil || n != len(part) {
				t.Fatalf("%d, %v", n, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		sums := ""
		for i, want := range c.want {
			file := name
			if c.limit > 0 {
				file += fmt.Sprintf(".%02d", i)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("limit %d: %s has %q, %v, want %q", c.limit, file, got, err, want)
			}
			sums += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(want)), filepath.Base(file))
		}
		if got, err := os.ReadFile(name + ".sha256"); err != nil || string(got) != sums {
			t.Errorf("limit %d: checksums %q, %v, want %q", c.limit, got, err, sums)
		}
		if err := p.removeOld(); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(name + "*"); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

// TestParseSize checks the units.
func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "7": 7, "2k": 2048, "56M": 56 << 20, "1G": 1 << 30} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "M", "5T", "99999999999G"} {
		if _, err := parseSize(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

// TestLicences: a module without a licence is refused; one with several has all of them.
func TestLicences(t *testing.T) {
	folder := t.TempDir()
	if _, err := licences(folder); err == nil {
		t.Error("no licence passed")
	}
	for _, file := range []string{"LICENSE.md", "NOTICE", "main.go", "licenses/ftl.txt"} {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text of "+file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := licences(folder)
	if err != nil || !strings.Contains(got, "text of LICENSE.md") || !strings.Contains(got, "text of NOTICE") || !strings.Contains(got, "text of licenses/ftl.txt") ||
		strings.Contains(got, "main.go") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestNewestSymbol: every program of Linux needs a version of the C library.
func TestNewestSymbol(t *testing.T) {
	need.That(t, runtime.GOOS == "linux", "the test reads a program of Linux")
	version, err := newestSymbol("/bin/sh")
	if err != nil || !strings.HasPrefix(version, "2.") {
		t.Errorf("%q, %v", version, err)
	}
}
