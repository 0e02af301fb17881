package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the CRC-32C as TFRecord stores it (tensorflow/core/lib/hash/crc32c.h, Mask).
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// frame puts data into a record: its length, the checksum of the length, the data, the checksum of the data.
func frame(data []byte) []byte {
	out := make([]byte, 0, 8+4+len(data)+4)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, masked(data))
}
