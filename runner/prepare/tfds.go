package prepare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// tfds is a data set prepared by TFDS: files NAME-SPLIT.tfrecord-00000-of-00004 of tf.train.Example, in the order to which
// VTAB-1k's slices refer.
type tfds struct {
	archive *archive.Archive
	folder  string // of the record files
	under   string // the same, relative to --from
	dataset string
	task    string
	info    struct{ Name, ConfigName, Version string } // dataset_info.json
	shards  map[string][]string                        // names by split
	bounds  map[string][]int                           // the first record of each shard of a split, and the end
}

// infoFile describes a data set that TFDS has prepared.
const infoFile = "dataset_info.json"

// recordName matches the name of a record file: data set, split, shard, number of shards.
var recordName = regexp.MustCompile(`^([a-z0-9_]+)-([a-z]+)\.tfrecord-([0-9]{5})-of-([0-9]{5})$`)

func openTFDS(c Config, a *archive.Archive, entries []archive.Entry) (source, error) {
	if a.Kind != archive.Folder {
		return nil, fmt.Errorf("%s: record files in an archive are not read: unpack it and give the folder", a.Path)
	}
	t := &tfds{archive: a, shards: map[string][]string{}, bounds: map[string][]int{}}
	if err := t.find(entries); err != nil {
		return nil, err
	}
	if err := t.readInfo(); err != nil {
		return nil, err
	}
	var err error
	t.task, err = chooseTask(c, t.dataset)
	return t, err
}

// find assigns the record files to splits and checks that none is missing.
func (t *tfds) find(entries []archive.Entry) error {
	total := map[string]int{}
	for _, e := range entries {
		if !isRecordFile(e.Name) {
			continue
		}
		m := recordName.FindStringSubmatch(path.Base(e.Name))
		if m == nil {
			return fmt.Errorf("%s: the record file %s is not named as TFDS names them, NAME-SPLIT.tfrecord-00000-of-00001", t.archive.Path, e.Name)
		}
		under := path.Dir(e.Name)
		if t.dataset != "" && (t.dataset != m[1] || t.under != under) {
			return fmt.Errorf("%s holds several data sets or versions, in %s and %s: give the folder of one", t.archive.Path, t.under, under)
		}
		t.dataset, t.under, t.folder = m[1], under, filepath.Join(t.archive.Path, filepath.FromSlash(under))
		split := m[2]
		shards, _ := strconv.Atoi(m[4])
		if before, ok := total[split]; ok && before != shards {
			return fmt.Errorf("%s: split %s is there in %d shards and in %d: give one of them", t.folder, split, before, shards)
		}
		total[split] = shards
		t.shards[split] = append(t.shards[split], path.Base(e.Name))
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

// readInfo reads dataset_info.json, if there is one, and checks it.
func (t *tfds) readInfo() error {
	file := filepath.Join(t.folder, infoFile)
	raw, err := limit.ReadFile(file, limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &t.info)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if t.info.Name != "" && t.info.Name != t.dataset {
		return fmt.Errorf("%s describes the data set %q, the record files are of %q", file, t.info.Name, t.dataset)
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
	var files []string
	for _, split := range t.splits() {
		for _, name := range t.shards[split] {
			files = append(files, path.Join(t.under, name))
		}
	}
	r.Sources = sourceFiles(t.archive, files...)
	if t.info.Name == "" {
		r.remark("no dataset_info.json beside the record files states the data set's version")
	}
	if t.dataset == "caltech101" {
		r.remark("the images are those of this copy: TFDS drew them in the order of a file system, so copies differ")
	}
	r.ClassNames = t.classNames()
}

// splits returns the splits that VTAB-1k uses.
func (t *tfds) splits() (names []string) {
	for _, s := range datasets()[t.dataset].slices {
		if !slices.Contains(names, s.split) {
			names = append(names, s.split)
		}
	}
	return names
}

// classNames returns the names that TFDS writes beside the records, nil if the task has other classes.
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

// plan counts the records of each shard.
func (t *tfds) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	counts := map[string]int{}
	for _, split := range t.splits() {
		if len(t.shards[split]) == 0 {
			return plan{}, fmt.Errorf("%s has no record files of split %s, only of %s", t.folder, split,
				strings.Join(slices.Sorted(maps.Keys(t.shards)), ", "))
		}
		t.bounds[split] = []int{0}
		for _, name := range t.shards[split] {
			if err := ctx.Err(); err != nil {
				return plan{}, err
			}
			f, err := tfrecord.Open(filepath.Join(t.folder, name))
			if err != nil {
				return plan{}, err
			}
			counts[split] += f.Len()
			t.bounds[split] = append(t.bounds[split], counts[split])
			f.Close()
		}
	}
	return official(c, t.task, counts, r, nil)
}

func (t *tfds) extract(ctx context.Context, put sink) error {
	for _, split := range t.splits() {
		var last order.Digest
		for shard, name := range t.shards[split] {
			if err := t.extractShard(split, name, t.bounds[split][shard], t.bounds[split][shard+1], &last, put); err != nil {
				return err
			}
		}
	}
	return nil
}

// extractShard opens a shard only if the plan has one of its records. last is the digest of the last record before it.
func (t *tfds) extractShard(split, name string, begin, end int, last *order.Digest, put sink) error {
	file := filepath.Join(t.folder, name)
	var f *tfrecord.File
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	for at := begin; at < end; at++ {
		parsed := false
		err := put(ref{split, at}, func() (img picture, err error) {
			if f == nil {
				if f, err = tfrecord.Open(file); err != nil {
					return img, err
				}
				if f.Len() != end-begin {
					return img, fmt.Errorf("%s changed while it was read", file)
				}
			}
			raw, err := f.Read(at - begin)
			if err != nil {
				return img, err
			}
			img, err = t.parse(raw, split, last)
			if err != nil {
				return img, fmt.Errorf("%s, record %d: %w", file, at-begin, err)
			}
			img.name = fmt.Sprintf("%s record %d%s", name, at-begin, img.name)
			parsed = true
			return img, nil
		})
		if err != nil && parsed { // earlier errors name the record
			err = fmt.Errorf("%s, record %d: %w", file, at-begin, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parse parses a record. If records hold their keys, it checks that this one's follows the last.
func (t *tfds) parse(raw []byte, split string, last *order.Digest) (img picture, err error) {
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
			return img, fmt.Errorf("the key %q is not in the order in which TFDS stores records, so VTAB-1k's images cannot be determined: "+
				"prepare the data set with TFDS (since 4.2 for eurosat and resisc45)", text)
		}
		*last = digest
		img.name = " " + text
	}
	task := tasks()[t.task]
	if img.label, err = task.label(e); err != nil {
		return img, err
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
