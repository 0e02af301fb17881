package prepare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/internal/tfrecord"
	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/order"
)

// tfds is a data set that TFDS has prepared: files NAME-SPLIT.tfrecord-00000-of-00004 of tf.train.Example, whose records
// are in the order that VTAB-1k's slices count in.
type tfds struct {
	folder  string // of the record files
	under   string // the same, relative to --from
	dataset string
	task    string
	info    tfdsInfo
	shards  map[string][]string // names by split
	bounds  map[string][]int    // where each shard of a split begins, and its end
}

// tfdsInfo is what dataset_info.json says.
type tfdsInfo struct {
	Name, ConfigName, Version, FileFormat string
}

// recordName is the name of a record file: data set, split, shard, shards.
var recordName = regexp.MustCompile(`^([a-z0-9_]+)-([a-z]+)\.tfrecord-([0-9]{5})-of-([0-9]{5})$`)

func openTFDS(c Config, a *archive.Archive, entries []archive.Entry) (source, error) {
	if a.Kind != archive.Folder {
		return nil, fmt.Errorf("%s: record files in an archive are not read: unpack it and give the folder", a.Path)
	}
	t := &tfds{shards: map[string][]string{}, bounds: map[string][]int{}}
	if err := t.find(c, entries); err != nil {
		return nil, err
	}
	if err := t.readInfo(); err != nil {
		return nil, err
	}
	var err error
	t.task, err = chooseTask(c, t.dataset)
	return t, err
}

// find sorts the record files into splits and makes sure that none is missing.
func (t *tfds) find(c Config, entries []archive.Entry) error {
	total := map[string]int{}
	for _, e := range entries {
		if !isRecordFile(e.Name) {
			continue
		}
		m := recordName.FindStringSubmatch(path.Base(e.Name))
		if m == nil {
			return fmt.Errorf("%s: the record file %s has not the name that TFDS gives: NAME-SPLIT.tfrecord-00000-of-00001", c.From, e.Name)
		}
		under := path.Dir(e.Name)
		if t.dataset != "" && (t.dataset != m[1] || t.under != under) {
			return fmt.Errorf("%s holds several data sets or versions, in %s and %s: give the folder of one", c.From, t.under, under)
		}
		t.dataset, t.under, t.folder = m[1], under, filepath.Join(c.From, filepath.FromSlash(under))
		shards, _ := strconv.Atoi(m[4])
		if before, ok := total[m[2]]; ok && before != shards {
			return fmt.Errorf("%s: split %s is there in %d shards and in %d: give one of them", t.folder, m[2], before, shards)
		}
		total[m[2]] = shards
		t.shards[m[2]] = append(t.shards[m[2]], path.Base(e.Name))
	}
	for split, shards := range total {
		slices.Sort(t.shards[split])
		for i := range shards {
			want := fmt.Sprintf("%s-%s.tfrecord-%05d-of-%05d", t.dataset, split, i, shards)
			if i >= len(t.shards[split]) || t.shards[split][i] != want {
				return fmt.Errorf("%s: %s is missing: the copy is not complete", t.folder, want)
			}
		}
	}
	return nil
}

// readInfo checks what dataset_info.json says, where it is there.
func (t *tfds) readInfo() error {
	file := filepath.Join(t.folder, "dataset_info.json")
	raw, err := limit.ReadFile(file, limit.Text)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &t.info)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if t.info.Name != "" && t.info.Name != t.dataset {
		return fmt.Errorf("%s is about the data set %q, the record files are of %q", file, t.info.Name, t.dataset)
	}
	if want := datasets()[t.dataset].config; want != "" && t.info.ConfigName != want {
		return fmt.Errorf("%s: the data set is %s/%s, VTAB-1k uses %s/%s", file, t.dataset, t.info.ConfigName, t.dataset, want)
	}
	return nil
}

func (t *tfds) describe(r *Record) {
	r.Kind = "TFDS " + t.dataset
	if t.info.ConfigName != "" {
		r.Kind += "/" + t.info.ConfigName
	}
	if t.info.Version != "" {
		r.Kind += " " + t.info.Version
	}
	needed := map[string]bool{}
	for _, s := range datasets()[t.dataset].slices {
		needed[s.split] = true
	}
	for _, split := range slices.Sorted(maps.Keys(needed)) {
		for _, name := range t.shards[split] {
			r.Sources = append(r.Sources, SourceFile{Name: path.Join(t.under, name)})
		}
	}
	if t.info.Name == "" {
		r.remark("there is no dataset_info.json beside the record files to check the data set's version")
	}
	r.ClassNames = t.classNames()
}

// classNames are those that TFDS writes beside the records, unless the task makes classes of its own.
func (t *tfds) classNames() []string {
	names, err := limit.ReadFile(filepath.Join(t.folder, "label.labels.txt"), limit.Text)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(names)), "\n")
	if len(lines) != tasks()[t.task].classes {
		return nil
	}
	return lines
}

func (t *tfds) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	counts := map[string]int{}
	for _, s := range datasets()[t.dataset].slices {
		if t.bounds[s.split] != nil {
			continue
		}
		if len(t.shards[s.split]) == 0 {
			return plan{}, fmt.Errorf("%s has no record files of split %s, only of %s", t.folder, s.split,
				strings.Join(slices.Sorted(maps.Keys(t.shards)), ", "))
		}
		t.bounds[s.split] = []int{0}
		for _, name := range t.shards[s.split] {
			if err := ctx.Err(); err != nil {
				return plan{}, err
			}
			f, err := tfrecord.Open(filepath.Join(t.folder, name))
			if err != nil {
				return plan{}, err
			}
			counts[s.split] += f.Len()
			t.bounds[s.split] = append(t.bounds[s.split], counts[s.split])
			f.Close()
		}
	}
	return official(c, t.task, counts, r)
}

// extract reads the wanted records of one file after the other.
func (t *tfds) extract(ctx context.Context, p plan, put func(place, picture) error) error {
	for split, places := range p.wanted() {
		positions := slices.Sorted(maps.Keys(places))
		last := order.Digest{}
		for shard, name := range t.shards[split] {
			begin, end := t.bounds[split][shard], t.bounds[split][shard+1]
			var of []int
			for len(positions) > 0 && positions[0] < end {
				of, positions = append(of, positions[0]), positions[1:]
			}
			if len(of) == 0 {
				continue
			}
			f, err := tfrecord.Open(filepath.Join(t.folder, name))
			if err != nil {
				return err
			}
			err = func() error {
				defer f.Close()
				if f.Len() != end-begin {
					return fmt.Errorf("%s changed while it was read", filepath.Join(t.folder, name))
				}
				for _, at := range of {
					if err := ctx.Err(); err != nil {
						return err
					}
					img, err := t.record(f, at-begin, split, &last)
					if err != nil {
						return err
					}
					img.name = fmt.Sprintf("%s record %d%s", name, at-begin, img.name)
					if err := put(places[at], img); err != nil {
						return fmt.Errorf("%s, record %d: %w", filepath.Join(t.folder, name), at-begin, err)
					}
				}
				return nil
			}()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// record reads one record. Where it holds its key, the order is checked against the one before.
func (t *tfds) record(f *tfrecord.File, at int, split string, last *order.Digest) (picture, error) {
	raw, err := f.Read(at)
	if err != nil {
		return picture{}, err
	}
	img, err := t.parse(raw, split, last)
	if err != nil {
		return picture{}, fmt.Errorf("%s, record %d: %w", f.Name(), at, err)
	}
	return img, nil
}

func (t *tfds) parse(raw []byte, split string, last *order.Digest) (picture, error) {
	var img picture
	e, err := tfrecord.Parse(raw)
	if err != nil {
		return img, err
	}
	if key := datasets()[t.dataset].key; key != nil {
		text, err := key(e)
		if err != nil {
			return img, err
		}
		digest := order.Of(split, text)
		if bytes.Compare(digest[:], last[:]) <= 0 {
			return img, fmt.Errorf("the key %q is not in the order in which TFDS stores records, so that VTAB-1k's cannot be told: "+
				"prepare the data set with TFDS (since 4.2 for eurosat and resisc45)", text)
		}
		*last = digest
		img.name = " " + text
	}
	task := tasks()[t.task]
	if img.label, err = task.label(e); err != nil {
		return img, err
	}
	if img.label >= task.classes {
		return img, fmt.Errorf("label %d is out of range: %s has %d classes", img.label, t.task, task.classes)
	}
	if img.encoded, err = e.Bytes("image"); err != nil {
		return img, err
	}
	if task.image != nil {
		if img.encoded, err = task.image(img.encoded); err != nil {
			return img, fmt.Errorf("feature \"image\": %w", err)
		}
	}
	return img, nil
}
