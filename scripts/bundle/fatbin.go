package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// A fat binary is a header and entries, each with device code of one kernel file for one architecture. NVIDIA does not document the format.
// The fields are those that cuobjdump shows; they were checked on the 279 fat binaries of TensorFlow 2.18.1.
const (
	fatbinMagic    = 0xBA55ED50
	fatbinHeader   = 16 // bytes: magic uint32, version uint16, size of this header uint16, bytes of the entries uint64
	entryHeader    = 32 // bytes that are read: kind uint16, version uint16, size of the header uint32, bytes of the code uint64, ..., architecture uint32 at 28
	kindPTX        = 1  // text, which the driver compiles for its card
	kindELF        = 2  // machine code
	archesPerMajor = 10 // sm_86 is 8.6
)

// entry is the device code of one architecture in a fat binary.
type entry struct {
	kind int
	arch int // 90 is sm_90
	span span
}

// span is a range of bytes of a file.
type span struct{ begin, end int64 }

// fits tells whether a card of the architecture runs the code, and prefers machine code to PTX and later versions to earlier.
func (e entry) fits(arch int) (preference int, ok bool) {
	switch {
	case e.kind == kindELF && e.arch/archesPerMajor == arch/archesPerMajor && e.arch <= arch:
		return e.arch + math.MaxInt32, true
	case e.kind == kindPTX && e.arch <= arch:
		return e.arch, true
	}
	return 0, false
}

// deviceCode is what a library has for GPUs: how many fat binaries, which entries a card needs and which it does not.
type deviceCode struct {
	fatbins      int
	kept, others []entry
}

// size returns the sum of the entries' sizes.
func size(entries []entry) (total int64) {
	for _, e := range entries {
		total += e.span.end - e.span.begin
	}
	return total
}

const fatbinSection = ".nv_fatbin"

// hasDeviceCode tells whether a library has fat binaries.
func hasDeviceCode(library string) (bool, error) {
	f, err := elf.Open(library)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return f.Section(fatbinSection) != nil, nil
}

// findDeviceCode reads the fat binaries of a 64-bit ELF library. Of each, a card of the architecture needs the code that its driver would
// choose: machine code of the same major version if there is any, else PTX. It fails if a fat binary has neither.
func findDeviceCode(r io.ReaderAt, arch int) (found deviceCode, err error) {
	library, err := elf.NewFile(r)
	if err != nil {
		return found, err
	}
	for _, section := range library.Sections {
		if section.Name != fatbinSection {
			continue
		}
		data, err := section.Data()
		if err != nil {
			return found, fmt.Errorf("section %s: %w", section.Name, err)
		}
		if err := found.add(data, int64(section.Offset), arch); err != nil {
			return found, fmt.Errorf("section %s: %w", section.Name, err)
		}
	}
	return found, nil
}

// add splits the fat binaries in data, which begins at base in the file.
func (d *deviceCode) add(data []byte, base int64, arch int) error {
	magic := binary.LittleEndian.AppendUint32(nil, fatbinMagic)
	for at := 0; ; {
		skip := bytes.Index(data[at:], magic)
		if skip < 0 {
			return nil
		}
		at += skip
		if len(data)-at < fatbinHeader {
			return fmt.Errorf("a fat binary at byte %d is cut off", base+int64(at))
		}
		version, header, payload := binary.LittleEndian.Uint16(data[at+4:]), int(binary.LittleEndian.Uint16(data[at+6:])), binary.LittleEndian.Uint64(data[at+8:])
		if version != 1 || header != fatbinHeader || payload > uint64(len(data)-at-header) {
			return fmt.Errorf("a fat binary at byte %d has version %d, a header of %d bytes and %d bytes of code: not a known format", base+int64(at), version, header, payload)
		}
		entries, err := splitFatbin(data[at+header:at+header+int(payload)], base+int64(at+header))
		if err != nil {
			return err
		}
		best, bestPreference := -1, -1
		for i, e := range entries {
			if preference, ok := e.fits(arch); ok && preference > bestPreference {
				best, bestPreference = i, preference
			}
		}
		if len(entries) > 0 && best < 0 {
			return fmt.Errorf("the fat binary at byte %d has nothing for sm_%d, only %s", base+int64(at), arch, describe(entries))
		}
		for _, e := range entries {
			// A fat binary may have several entries of one architecture, one for each source file.
			if e.kind == entries[best].kind && e.arch == entries[best].arch {
				d.kept = append(d.kept, e)
			} else {
				d.others = append(d.others, e)
			}
		}
		d.fatbins++
		at += header + int(payload)
	}
}

// splitFatbin returns the entries of a fat binary, which begin at base in the file.
func splitFatbin(data []byte, base int64) (entries []entry, err error) {
	for at := 0; at < len(data); {
		if len(data)-at < entryHeader {
			return nil, fmt.Errorf("%d bytes are left at byte %d of a fat binary, too few for an entry", len(data)-at, base+int64(at))
		}
		kind, header, n := binary.LittleEndian.Uint16(data[at:]), binary.LittleEndian.Uint32(data[at+4:]), binary.LittleEndian.Uint64(data[at+8:])
		if (kind != kindELF && kind != kindPTX) || header < entryHeader || uint64(header) > uint64(len(data)-at) || n > uint64(len(data)-at)-uint64(header) {
			return nil, fmt.Errorf("an entry at byte %d has kind %d, a header of %d bytes and %d bytes of code: not a known format", base+int64(at), kind, header, n)
		}
		begin := at + int(header)
		entries = append(entries, entry{int(kind), int(binary.LittleEndian.Uint32(data[at+28:])), span{base + int64(begin), base + int64(begin) + int64(n)}})
		at = begin + int(n)
	}
	return entries, nil
}

func describe(entries []entry) (list string) {
	seen := map[string]bool{}
	for _, e := range entries {
		name := fmt.Sprintf("sm_%d", e.arch)
		if e.kind == kindPTX {
			name = fmt.Sprintf("PTX %d", e.arch)
		}
		if !seen[name] {
			if list != "" {
				list += ", "
			}
			list += name
		}
		seen[name] = true
	}
	return list
}

// blanked reads a file with zeroes in some of its ranges, which are in order. Nothing moves, so the library loads as before, and zeroes
// compress to almost nothing.
type blanked struct {
	from   io.Reader
	ranges []span
	at     int64
}

func newBlanked(from io.Reader, entries []entry) *blanked {
	b := &blanked{from: from}
	for _, e := range entries {
		b.ranges = append(b.ranges, e.span)
	}
	slices.SortFunc(b.ranges, func(x, y span) int { return int(x.begin - y.begin) })
	return b
}

// Read implements io.Reader.
func (b *blanked) Read(p []byte) (n int, err error) {
	n, err = b.from.Read(p)
	end := b.at + int64(n)
	for len(b.ranges) > 0 && b.ranges[0].begin < end {
		r := b.ranges[0]
		clear(p[max(r.begin, b.at)-b.at : min(r.end, end)-b.at])
		if r.end > end {
			break
		}
		b.ranges = b.ranges[1:]
	}
	b.at = end
	return n, err
}
