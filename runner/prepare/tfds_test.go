package prepare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

func tfdsFolder(name string) string { return filepath.Join("testdata", "tfds", name) }

// TestTFDS compares the images and labels from TFDS's record files with those that TFDS and VTAB's code read.
func TestTFDS(t *testing.T) {
	var want map[string]map[string][]expectation
	expectations(t, "tfds/expect.json", &want)
	if len(want) != 9 {
		t.Errorf("%d tasks, want 9", len(want))
	}
	for task, lists := range want {
		t.Run(task, func(t *testing.T) {
			d := tasks()[task].dataset
			c := config(t, tfdsFolder(d), task)
			r := prepared(t, c)
			sum := sumFile
			if d == "dsprites" {
				sum = sumPixels
			}
			for list, images := range lists {
				check(t, c.Out, list, images, sum)
			}
			check(t, c.Out, "train800val200", append(lists["train800"], lists["val200"]...), sum)
			if r.Task != task || r.Classes != tasks()[task].classes || len(r.Fingerprint) != 64 || len(r.Sources) == 0 {
				t.Errorf("record: %+v", r)
			}
			if r.Official || !strings.Contains(strings.Join(r.Remarks, "\n"), "records, the published data set") {
				t.Errorf("so small a data set passes for the official one: %q", r.Remarks)
			}
			for _, s := range r.Sources {
				raw, err := os.ReadFile(filepath.Join(c.From, s.Name))
				expect.NoError(t, err)
				if s.SHA256 != sumOf(raw) || s.Bytes != int64(len(raw)) {
					t.Errorf("%s: %d bytes with sha256 %s", s.Name, s.Bytes, s.SHA256)
				}
			}
		})
	}
}

// TestTFDSAbove checks that --from may be a folder above a single version.
func TestTFDSAbove(t *testing.T) {
	root := t.TempDir()
	expect.NoError(t, os.CopyFS(filepath.Join(root, "kitti", "3.3.0"), os.DirFS(tfdsFolder("kitti"))))
	c := config(t, root, "kitti")
	if r := prepared(t, c); !strings.HasPrefix(r.Sources[0].Name, "kitti/3.3.0/kitti-test") {
		t.Errorf("sources: %+v", r.Sources)
	}
	expect.NoError(t, os.CopyFS(filepath.Join(root, "kitti", "3.2.0"), os.DirFS(tfdsFolder("kitti"))))
	refused(t, config(t, root, "kitti"), "several", "3.2.0", "3.3.0")
}

// TestTFDSRefused checks that errors of damaged or incomplete copies name file and record, and that other data sets are rejected.
func TestTFDSRefused(t *testing.T) {
	const first = "clevr-train.tfrecord-00000-of-00001"
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, folder string)
		want   []string
	}{
		{"cut off", func(t *testing.T, f string) { change(t, f, first, func(b []byte) []byte { return b[:len(b)-5] }) }, []string{first, "record 39", "cut off"}},
		{"cut off between records", func(t *testing.T, f string) {
			change(t, f, "clevr-validation.tfrecord-00000-of-00001", func(b []byte) []byte { return b[:0] })
		}, []string{"split validation has 0 records"}},
		{"a wrong length", func(t *testing.T, f string) { flip(t, f, first, 1) }, []string{first, "record 0", "checksum of its length"}},
		{"a wrong byte", func(t *testing.T, f string) { flip(t, f, first, 40) }, []string{first, "record 0", "checksum of its data"}},
		{"a missing split", func(t *testing.T, f string) {
			expect.NoError(t, os.Remove(filepath.Join(f, "clevr-validation.tfrecord-00000-of-00001")))
		}, []string{"no record files of split validation"}},
		{"a missing shard", func(t *testing.T, f string) {
			expect.NoError(t, os.Rename(filepath.Join(f, first), filepath.Join(f, "clevr-train.tfrecord-00000-of-00002")))
		}, []string{"clevr-train.tfrecord-00001-of-00002 is missing"}},
		{"another name", func(t *testing.T, f string) {
			expect.NoError(t, os.Rename(filepath.Join(f, first), filepath.Join(f, "records.tfrecord")))
		}, []string{"records.tfrecord"}},
		{"a data set of no task", func(t *testing.T, f string) {
			for _, split := range []string{"train", "validation"} {
				expect.NoError(t, os.Rename(filepath.Join(f, "clevr-"+split+".tfrecord-00000-of-00001"), filepath.Join(f, "mnist-"+split+".tfrecord-00000-of-00001")))
			}
			expect.NoError(t, os.Remove(filepath.Join(f, "dataset_info.json")))
		}, []string{"mnist", "no task"}},
		{"another data set's records", func(t *testing.T, f string) {
			raw, err := os.ReadFile(filepath.Join(tfdsFolder("smallnorb"), "smallnorb-train.tfrecord-00000-of-00001"))
			expect.NoError(t, err)
			change(t, f, first, func([]byte) []byte { return raw })
		}, []string{first, "record 0", `no feature "file_name"`, `"label_azimuth"`}},
		{"no records", func(t *testing.T, f string) {
			change(t, f, first, func([]byte) []byte { return []byte(strings.Repeat("text", 99)) })
		}, []string{first, "no TFRecord file"}},
		{"another info", func(t *testing.T, f string) {
			change(t, f, "dataset_info.json", func([]byte) []byte { return []byte(`{"name":"mnist"}`) })
		}, []string{"dataset_info.json", "mnist"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			expect.NoError(t, os.CopyFS(folder, os.DirFS(tfdsFolder("clevr"))))
			c.damage(t, folder)
			conf := config(t, folder, "clevr_count")
			conf.Val = 2
			refused(t, conf, c.want...)
		})
	}
}

// TestTFDSOrder checks that records in another order, such as those of the original archive of dmlab, are rejected.
func TestTFDSOrder(t *testing.T) {
	folder := t.TempDir()
	expect.NoError(t, os.CopyFS(folder, os.DirFS(tfdsFolder("kitti"))))
	a, b := filepath.Join(folder, "kitti-test.tfrecord-00000-of-00002"), filepath.Join(folder, "kitti-test.tfrecord-00001-of-00002")
	expect.NoError(t, os.Rename(a, a+"x"))
	expect.NoError(t, os.Rename(b, a))
	expect.NoError(t, os.Rename(a+"x", b))
	refused(t, config(t, folder, "kitti"), "kitti-test.tfrecord-00001-of-00002, record 0", "not in the order")
}

// TestTask checks the choice of the task.
func TestTask(t *testing.T) {
	for _, c := range []struct {
		dataset, out, task string
		want               []string
	}{
		{"clevr", "somewhere", "", []string{"--task is required", "clevr_count and clevr_dist"}},
		{"clevr", "clevr_count", "kitti", []string{"--task kitti", "clevr_count and clevr_dist"}},
		{"clevr", "clevr_count", "clevr_size", []string{"--task clevr_size is unknown", "clevr_count"}},
		{"kitti", "eurosat", "", []string{"--out", "another task", "--task kitti"}},
	} {
		conf := config(t, tfdsFolder(c.dataset), c.out)
		conf.Task = c.task
		if err := refused(t, conf, c.want...); !wrongUse(err) {
			t.Errorf("%s into %s: no error of usage: %v", c.dataset, c.out, err)
		}
	}
	conf := config(t, tfdsFolder("kitti"), "eurosat")
	conf.Task = "kitti"
	if r := prepared(t, conf); r.Task != "kitti" {
		t.Errorf("task %s", r.Task)
	}
	conf = config(t, tfdsFolder("kitti"), "kitti")
	conf.Seeded = true
	refused(t, conf, "--seed")
	conf = config(t, tfdsFolder("kitti"), "kitti")
	conf.Train = 31
	refused(t, conf, "too few images", "split train has 30 records", "--train 31")
}

func change(t *testing.T, folder, name string, how func([]byte) []byte) {
	t.Helper()
	file := filepath.Join(folder, name)
	raw, err := os.ReadFile(file)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(file, how(raw), 0o666))
}

func flip(t *testing.T, folder, name string, at int) {
	t.Helper()
	change(t, folder, name, func(b []byte) []byte { b[at] ^= 1; return b })
}
