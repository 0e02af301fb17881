package tfrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Scan reads the records of a stream, such as a file in an archive, and passes the data of each after it has checked it. visit must
// not keep the data. Errors name the record, counted from 0.
func Scan(r io.Reader, visit func(record int, data []byte) error) error {
	head := make([]byte, headSize)
	var data []byte
	for record := 0; ; record++ {
		_, err := io.ReadFull(r, head)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			data, err = scanData(r, head, data)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %w", errCut, err)
		}
		if err == nil {
			err = visit(record, data)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", record, err)
		}
	}
}

// piece is how much of a record is read at a time, so that a length that is a lie allocates little.
const piece = 1 << 20

// scanData reads the data after a head. It reuses the memory of old.
func scanData(r io.Reader, head, old []byte) ([]byte, error) {
	length, err := lengthOf(head)
	if err != nil {
		return nil, err
	}
	data := old[:0]
	for left := length + footSize; left > 0; {
		n := int(min(left, piece))
		at := len(data)
		data = append(data, make([]byte, n)...)
		if _, err := io.ReadFull(r, data[at:]); err != nil {
			return nil, err
		}
		left -= uint64(n)
	}
	return checked(data)
}

// lengthOf checks the head of a record.
func lengthOf(head []byte) (uint64, error) {
	length := binary.LittleEndian.Uint64(head)
	if Checksum(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return 0, errors.New("the checksum of its length is wrong: the file is damaged, or is no TFRecord file (compressed files are not supported)")
	}
	if length > maxRecord {
		return 0, fmt.Errorf("it claims %d bytes, more than any image has", length)
	}
	return length, nil
}

// checked returns the data of a record without the checksum that follows it.
func checked(data []byte) ([]byte, error) {
	data, sum := data[:len(data)-footSize], data[len(data)-footSize:]
	if Checksum(data) != binary.LittleEndian.Uint32(sum) {
		return nil, errors.New("the checksum of its data is wrong: the file is damaged, fetch it again")
	}
	return data, nil
}
