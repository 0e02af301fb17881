package prepare

import (
	"errors"
	"testing"

	"dtl-tf/graph/expect"
)

// FuzzTables reads damaged lists and labels of the data sets in their authors' archives.
func FuzzTables(f *testing.F) {
	f.Add("image,level,Usage\n10_left,0,Public\n\"10_right\",4,Private\n")
	f.Add("Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\nDontCare")
	f.Add("Abyssinian_1 1 1 1\n#Image\n_ 37 2 25\n")
	f.Add("banded/banded_0002.jpg\n../x\n/")
	f.Add("1,2,70,-1")
	f.Fuzz(func(t *testing.T, content string) {
		missing := func(string) error { return errors.New("missing") }
		expect.Memory(t, 256*len(content)+1<<16, func() {
			for _, used := range []bool{false, true} {
				_ = readLevels(content, used, func(image, usage string, level int) {
					if image == "" || level < 0 || level > 4 || (usage != "") != used {
						t.Errorf("image %q, level %d, usage %q", image, level, usage)
					}
				})
			}
			if label, err := kittiLabel(content); err == nil && (label < 0 || label > 3) {
				t.Errorf("label %d", label)
			}
			for _, r := range []rules{
				dtd{texts{"labels/train1.txt": content, "labels/val1.txt": content, "labels/test1.txt": content}},
				pets{texts{"annotations/trainval.txt": content, "annotations/test.txt": content}},
				kitti{texts{kittiRand: content, kittiMapping: content}, map[string]int{"training/label_2/000000.txt": 1}},
				retina{texts{retinaTrain: content, retinaTest: content}},
			} {
				_, _, _ = r.result("", missing)
			}
		})
	})
}
