package prepare

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"dtl-tf/runner/internal/tfrecord"
)

// dmlabSet is the data set of frames of DeepMind Lab that the authors of VTAB made (Zhai et al. 2019): TFRecord files whose records
// have the features image, filename and label. The key of a record is its feature filename.
var dmlabSet = &authorSet{
	dataset: "dmlab",
	title:   "DMLab",
	files:   []authorFile{{"dmlab.tar.gz", 3017022789, "638b18fa69a5d61bbc310cd0b87ac603a39f41de0fdb07b6e77de274a24480a4"}},
	mark:    isDMLab,
	open:    openRecords(func() rules { return &dmlab{records: map[string][]record{}} }),
}

// isDMLab recognises a record file, which TFDS names in the same way.
func isDMLab(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "dmlab-") && strings.Contains(base, ".tfrecord")
}

type dmlab struct{ records map[string][]record }

func (d *dmlab) canon(name string) string {
	if isDMLab(name) {
		return path.Base(name)
	}
	return ""
}

// frames passes the records of a file. A record's image is called FILE#NUMBER.
func (d *dmlab) frames(name string, r io.Reader, visit func(image string, e tfrecord.Example) error) error {
	return tfrecord.Scan(r, func(record int, data []byte) error {
		e, err := tfrecord.Parse(data)
		if err == nil {
			err = visit(fmt.Sprintf("%s#%d", name, record), e)
		}
		return err
	})
}

func (d *dmlab) file(name string, _ int64, r io.Reader) error {
	split, _, _ := strings.Cut(strings.TrimPrefix(name, "dmlab-"), ".")
	if split != "train" && split != "validation" && split != "test" {
		return errors.New("the file belongs to none of the splits train, validation and test")
	}
	return d.frames(name, r, func(image string, e tfrecord.Example) error {
		key, err := e.Bytes("filename")
		if err != nil {
			return err
		}
		label, err := stored("label")(e)
		if err != nil {
			return err
		}
		d.records[split] = append(d.records[split], record{key: string(key), label: label, image: image})
		return nil
	})
}

func (d *dmlab) each(name string, r io.Reader, put func(string, []byte) error) error {
	return d.frames(name, r, func(image string, e tfrecord.Example) error {
		content, err := e.Bytes("image")
		if err == nil {
			err = put(image, content)
		}
		return err
	})
}

func (d *dmlab) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	for _, split := range []string{"train", "validation", "test"} {
		if len(d.records[split]) == 0 {
			return nil, nil, missing("dmlab-" + split + ".tfrecord")
		}
	}
	return d.records, nil, nil
}
