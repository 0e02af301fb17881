package prepare

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/example/example_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/internal/tfrecord"
)

// frame is a record of DMLab.
func frame(t *testing.T, filename, image string, label int64) string {
	t.Helper()
	text := func(s string) *pb.Feature {
		return &pb.Feature{Kind: &pb.Feature_BytesList{BytesList: &pb.BytesList{Value: [][]byte{[]byte(s)}}}}
	}
	data, err := proto.Marshal(&pb.Example{Features: &pb.Features{Feature: map[string]*pb.Feature{
		"image": text(image), "filename": text(filename),
		"label": {Kind: &pb.Feature_Int64List{Int64List: &pb.Int64List{Value: []int64{label}}}},
	}}})
	expect.NoError(t, err)
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	head = binary.LittleEndian.AppendUint32(head, tfrecord.Checksum(head))
	return string(binary.LittleEndian.AppendUint32(append(head, data...), tfrecord.Checksum(data)))
}

// smallDMLab has 30, 12 and 14 records in two files for each split, in no order.
func smallDMLab(t *testing.T) (files, map[string][]want) {
	t.Helper()
	f, wants := files{}, map[string][]want{}
	for split, n := range map[string]int{"train": 30, "validation": 12, "test": 14} {
		for i := range n {
			w := want{fmt.Sprintf("video_%d_%d_%d.jpg", 100*i, i%10, 7*i), i % 6, photo(t, i+n)}
			wants[split] = append(wants[split], w)
			f[fmt.Sprintf("dmlab-%s.tfrecord-0000%d-of-00002", split, i%2)] += frame(t, w.key, w.content, int64(w.label))
		}
	}
	return f, wants
}

// TestDMLab reads the archive and the unpacked files.
func TestDMLab(t *testing.T) {
	sized(t, map[string]int{"train": 30, "validation": 12, "test": 14})
	f, wants := smallDMLab(t)
	root := t.TempDir()
	packed := f.tar(t, filepath.Join(root, "packed", "dmlab.tar.gz"), true)
	unpacked := f.folder(t, filepath.Join(root, "unpacked"))
	for _, from := range []string{packed, filepath.Dir(packed), unpacked} {
		for _, jpeg75 := range []bool{false, true} {
			c := config(t, from, "dmlab")
			c.JPEG75 = jpeg75
			r := prepared(t, c)
			if jpeg75 {
				if r.Pixels != "JPEG of quality 75" || len(items(t, c.Out, "test")) != 14 {
					t.Errorf("record %+v", r)
				}
				continue
			}
			compare(t, c.Out, "train800", sorted("train", wants["train"])[:10])
			compare(t, c.Out, "val200", sorted("validation", wants["validation"])[:3])
			compare(t, c.Out, "test", sorted("test", wants["test"]))
		}
	}
}

func TestDMLabRefused(t *testing.T) {
	sized(t, map[string]int{"train": 30, "validation": 12, "test": 14})
	f, wants := smallDMLab(t)
	const name = "dmlab-test.tfrecord-00001-of-00002"
	first := wants["test"][1] // the first of the second file
	record := frame(t, first.key, first.content, int64(first.label))
	whole := f[name]
	for _, c := range []struct {
		name, content string
		want          []string
	}{
		{"cut off", whole[:len(whole)-3], []string{name, "record 6", "cut off"}},
		{"cut off in a length", whole[:5], []string{name, "record 0", "cut off"}},
		{"a record too few", whole[len(record):], []string{"split test has 13 images, DMLab has 14"}},
		{"a record twice", record + whole[:len(whole)-len(frame(t, wants["test"][13].key, wants["test"][13].content, 1))], []string{first.key, "twice"}},
		{"a wrong byte", whole[:40] + "\x01" + whole[41:], []string{name, "record 0", "checksum of its data"}},
		{"a wrong length", "\x01" + whole[1:], []string{name, "record 0", "checksum of its length"}},
		{"label 6", frame(t, first.key, first.content, 6) + whole[len(record):], []string{"label 6 is out of range"}},
		{"label -1", frame(t, first.key, first.content, -1) + whole[len(record):], []string{name, "record 0", "-1"}},
		{"no file name", "", []string{"split test has 7 images"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, config(t, f.with(name, c.content).tar(t, filepath.Join(t.TempDir(), "dmlab.tar.gz"), true), "dmlab"), c.want...)
		})
	}
	refused(t, config(t, files{"dmlab-extra.tfrecord-0": "x"}.tar(t, filepath.Join(t.TempDir(), "dmlab.tar.gz"), true), "dmlab"), "dmlab-extra.tfrecord-0", "none of the splits")
	rest := f.without("dmlab-test.tfrecord-00000-of-00002").without(name)
	refused(t, config(t, rest.tar(t, filepath.Join(t.TempDir(), "dmlab.tar.gz"), true), "dmlab"), "dmlab-test.tfrecord", "missing")
	raw := read(t, f.tar(t, filepath.Join(t.TempDir(), "x"), true))
	refused(t, config(t, plant(t, filepath.Join(t.TempDir(), "dmlab.tar.gz"), raw[:len(raw)/2]), "dmlab"), "dmlab.tar.gz", "cut off")
	head := binary.LittleEndian.AppendUint64(nil, 1<<60)
	hostile := string(binary.LittleEndian.AppendUint32(head, tfrecord.Checksum(head)))
	refused(t, config(t, f.with(name, hostile+strings.Repeat("x", 99)).tar(t, filepath.Join(t.TempDir(), "dmlab.tar.gz"), true), "dmlab"), name, "more than any image has")
}
