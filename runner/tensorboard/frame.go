package tensorboard

import (
	"encoding/binary"

	"dtl-tf/runner/internal/tfrecord"
)

// frame puts data into a record: its length, the checksum of the length, the data, the checksum of the data.
func frame(data []byte) []byte {
	out := make([]byte, 0, 8+4+len(data)+4)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, tfrecord.Checksum(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, tfrecord.Checksum(data))
}
