package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// distances are those of a scene's objects, and the labels of its two tasks.
var clevrCases = []struct {
	distances   []string
	count, dist int
}{
	{[]string{"12.5", "8.0", "9"}, 0, 0},         // 8 does not exceed 8
	{[]string{"8.0000001", "9", "9", "9"}, 1, 0}, // the same as float32
	{[]string{"8.000001", "9", "9", "9", "9"}, 2, 1},
	{[]string{"11", "11", "9.5", "9.75", "10", "10"}, 3, 3},
	{[]string{"10.1", "10.01", "13", "13", "13", "13", "13"}, 4, 5},
	{[]string{"9.9", "9.9", "9.9", "9.9", "9.9", "9.9", "9.9", "9.9", "9.9", "9.9"}, 7, 4},
}

// smallCLEVR has 40 training and 12 validation images in the layout of CLEVR_v1.0.zip; scenes have the keys of the real ones.
func smallCLEVR(t *testing.T) (f files, count, dist map[string][]want) {
	t.Helper()
	f, count, dist = files{}, map[string][]want{}, map[string][]want{}
	for split, n := range map[string]int{"train": 40, "validation": 12} {
		short := map[string]string{"train": "train", "validation": "val"}[split]
		var scenes []string
		for i := range n {
			name := fmt.Sprintf("CLEVR_%s_%06d.png", short, i)
			content := fmt.Sprintf("\x89PNG\r\n\x1a\n%s", name)
			f["CLEVR_v1.0/images/"+short+"/"+name] = content
			c := clevrCases[i%len(clevrCases)]
			var objects []string
			for _, d := range c.distances {
				objects = append(objects, `{"color": "brown", "size": "large", "rotation": 178.9, "shape": "cylinder", "3d_coords": [-1.3, 2.1, 0.3], "pixel_coords": [118, 125, `+d+`]}`)
			}
			scenes = append(scenes, fmt.Sprintf(`{"image_index": %d, "objects": [%s], "relationships": {"right": [[1], []]}, "image_filename": %q, "split": %q, "directions": {}}`,
				i, strings.Join(objects, ", "), name, short))
			count[split] = append(count[split], want{name, c.count, content})
			dist[split] = append(dist[split], want{name, c.dist, content})
		}
		f["CLEVR_v1.0/scenes/CLEVR_"+short+"_scenes.json"] = `{"info": {"version": "1.0", "split": "` + short + `"}, "scenes": [` + strings.Join(scenes, ", ") + `]}`
	}
	f["CLEVR_v1.0/images/test/CLEVR_test_000000.png"] = "not read"
	f["CLEVR_v1.0/questions/CLEVR_train_questions.json"] = "not read"
	return f, count, dist
}

// TestCLEVR reads the zip and what was unpacked from it.
func TestCLEVR(t *testing.T) {
	sized(t, map[string]int{"train": 40, "validation": 12})
	f, count, dist := smallCLEVR(t)
	zipped := f.zip(t, filepath.Join(t.TempDir(), "CLEVR_v1.0.zip"))
	unpacked := filepath.Join(f.folder(t, t.TempDir()), "CLEVR_v1.0")
	for _, from := range []string{zipped, unpacked} {
		for task, wants := range map[string]map[string][]want{"clevr_count": count, "clevr_dist": dist} {
			c := config(t, from, task)
			r := prepared(t, c)
			train := sorted("train", wants["train"])
			compare(t, c.Out, "train800", train[:10])
			compare(t, c.Out, "val200", train[36:39])
			compare(t, c.Out, "test", sorted("validation", wants["validation"]))
			if r.Task != task || r.ClassNames != nil {
				t.Errorf("record %+v", r)
			}
		}
	}
	if err := refused(t, config(t, zipped, "unnamed"), "--task is required", "clevr_count and clevr_dist"); !wrongUse(err) {
		t.Errorf("no error of usage: %v", err)
	}
}

// TestCLEVRDigests: the names of 70,000 and 15,000 images lead to the official lists.
func TestCLEVRDigests(t *testing.T) {
	records := map[string][]record{}
	for split, n := range map[string]int{"train": 70000, "validation": 15000} {
		for i := range n {
			records[split] = append(records[split], record{key: sceneImage(split, i)})
		}
	}
	compareDigests(t, "clevr", "clevr_dist", records)
}

func TestCLEVRRefused(t *testing.T) {
	sized(t, map[string]int{"train": 40, "validation": 12})
	f, _, _ := smallCLEVR(t)
	const val, image = "CLEVR_v1.0/scenes/CLEVR_val_scenes.json", "CLEVR_v1.0/images/val/CLEVR_val_000007.png"
	edit := func(old, with string) files { return f.with(val, strings.Replace(f[val], old, with, 1)) }
	scenes := f[val]
	for _, c := range []struct {
		name string
		f    files
		want []string
	}{
		{"no scenes", f.without(val), []string{"scenes/CLEVR_val_scenes.json", "missing"}},
		{"no image", f.without(image), []string{"images/val/CLEVR_val_000007.png", "missing"}},
		{"cut off", f.with(val, scenes[:len(scenes)/2]), []string{"CLEVR_val_scenes.json", "scene ", "cut off"}},
		{"cut off between scenes", f.with(val, scenes[:len(scenes)-2]), []string{"scene 12", "cut off"}},
		{"a scene too few", edit(`, {"image_index": 11,`, `]} {"image_index": 11,`), []string{"split validation has 11 images, CLEVR v1.0 has 12"}},
		{"another order", edit("CLEVR_val_000003", "CLEVR_val_000004"), []string{"scene 3", `"CLEVR_val_000004.png"`, "CLEVR_val_000003.png"}},
		{"scenes of training", f.with(val, f["CLEVR_v1.0/scenes/CLEVR_train_scenes.json"]), []string{"scene 0", "CLEVR_train_000000.png"}},
		{"two coordinates", edit("[118, 125, 12.5]", "[118, 125]"), []string{"scene 0", "2 pixel_coords"}},
		{"no number", edit("12.5", `"far"`), []string{"scene 0", "pixel_coords"}},
		{"two objects", edit("[118, 125, 12.5]}, {", `[118, 125, 12.5]}], "unused": [{`), []string{"CLEVR_val_000000.png", "1 objects, want 3 to 10"}},
		{"no list", f.with(val, `{"scenes": {}}`), []string{"no list"}},
		{"no object", f.with(val, `[]`), []string{"does not begin with {"}},
		{"other content", f.with(val, `{"questions": []}`), []string{`no "scenes"`}},
		{"endless", f.with(val, `{"info": "`+strings.Repeat("x", maxScene+1)), []string{"no scene of CLEVR"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, config(t, c.f.zip(t, filepath.Join(t.TempDir(), "CLEVR_v1.0.zip")), "clevr_count"), c.want...)
		})
	}
}

// FuzzScenes reads damaged scenes: memory is bounded by the size of the file and of a scene.
func FuzzScenes(f *testing.F) {
	f.Add([]byte(`{"info": {}, "scenes": [{"image_filename": "CLEVR_train_000000.png", "objects": [{"pixel_coords": [1, 2, 3]}]}]}`))
	f.Add([]byte(`{"scenes": [{"objects": [[[[[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 128*len(raw), func() {
			list, err := readScenes(strings.NewReader(string(raw)), "train")
			if err == nil && len(list) > len(raw) {
				t.Errorf("%d scenes in %d bytes", len(list), len(raw))
			}
		})
	})
}
