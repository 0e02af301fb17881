// Package tfrecord reads TFRecord files, in the format of tensorflow/core/lib/io/record_writer.h: a record is the length of its
// data, the checksum of the length, the data and its checksum.
package tfrecord

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

const (
	headSize = 8 + 4 // the length, little-endian, and its checksum
	footSize = 4     // the checksum of the data

	maxRecord = 1 << 28 // far above the size of any image
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC32C as the format stores it: masked, so that data may contain checksums.
func Checksum(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// File is an open TFRecord file.
type File struct {
	f       *os.File
	offsets []int64 // of the records, and the size of the file
}

// Open reads and checks the lengths of the records, but not their data. Errors name the file and the record, counted from 0.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	file := &File{f: f}
	if err := file.index(); err != nil {
		f.Close()
		return nil, err
	}
	return file, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// Len returns the number of records.
func (f *File) Len() int { return len(f.offsets) - 1 }

func (f *File) index() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	head := make([]byte, headSize)
	f.offsets = []int64{0}
	for offset := int64(0); offset < size; f.offsets = append(f.offsets, offset) {
		if size-offset < headSize+footSize {
			return f.fail(f.Len(), errCut)
		}
		if _, err := f.f.ReadAt(head, offset); err != nil {
			return f.fail(f.Len(), err)
		}
		length, err := lengthOf(head)
		if err != nil {
			return f.fail(f.Len(), err)
		}
		if offset += headSize + int64(length) + footSize; offset > size {
			return f.fail(f.Len(), errCut)
		}
	}
	return nil
}

var errCut = errors.New("it is cut off: the file is not complete, fetch it again")

// Read returns the data of a record after it has checked the checksum.
func (f *File) Read(record int) ([]byte, error) {
	data := make([]byte, f.offsets[record+1]-f.offsets[record]-headSize)
	if _, err := f.f.ReadAt(data, f.offsets[record]+headSize); err != nil {
		if errors.Is(err, io.EOF) {
			err = errCut
		}
		return nil, f.fail(record, err)
	}
	data, err := checked(data)
	if err != nil {
		return nil, f.fail(record, err)
	}
	return data, nil
}

// fail adds the file and the record to an error.
func (f *File) fail(record int, err error) error {
	return fmt.Errorf("%s, record %d: %w", f.f.Name(), record, err)
}
