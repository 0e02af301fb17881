package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folders are the tasks in the order of the papers' tables: 7 natural, 4 specialized, 8 structured.
var folders = strings.Fields(`cifar caltech101 dtd oxford_flowers102 oxford_iiit_pet svhn sun397
	patch_camelyon eurosat resisc45 diabetic_retinopathy
	clevr_count clevr_dist dmlab kitti dsprites_loc dsprites_ori smallnorb_azi smallnorb_ele`)

// TestGroups checks the tasks of the groups and their order.
func TestGroups(t *testing.T) {
	at := 0
	for i, want := range []Group{{"Natural", folders[:7]}, {"Specialized", folders[7:11]}, {"Structured", folders[11:]}} {
		if g := Groups()[i]; g.Name != want.Name || !slices.Equal(g.Tasks, want.Tasks) {
			t.Errorf("got %+v, want %+v", g, want)
		}
		at += len(want.Tasks)
	}
	if len(Groups()) != 3 || at != 19 || !slices.Equal(Folders(), folders) {
		t.Errorf("%d groups, folders %v", len(Groups()), Folders())
	}
}

// TestTasks compares the registry with the numbers of classes in the VTAB-1k loaders of FacT and NOAH (vtab.py) and the numbers
// of test images in the archives' lists.
func TestTasks(t *testing.T) {
	classes := []int{100, 102, 47, 102, 37, 10, 397, 2, 10, 45, 5, 8, 6, 6, 4, 16, 16, 18, 9}
	test := []int{10000, 6084, 1880, 6149, 3669, 26032, 21750, 32768, 5400, 6300, 42670, 15000, 15000, 22735, 711, 73728, 73728, 12150, 12150}
	groups := map[string]int{}
	names := map[string]string{}
	list := Tasks()
	if len(list) != 19 {
		t.Fatalf("%d tasks", len(list))
	}
	for i, task := range list {
		if task.Folder != folders[i] || task.Classes != classes[i] || task.Test[0] != test[i] || task.Name == "" {
			t.Errorf("task %d: %+v", i, task)
		}
		groups[task.Group]++
		for _, name := range append([]string{task.Folder, task.Name}, task.Aliases...) {
			if other, twice := names[plainName(name)]; twice && other != task.Folder {
				t.Errorf("%q names %s and %s", name, other, task.Folder)
			}
			names[plainName(name)] = task.Folder
		}
	}
	if groups["Natural"] != 7 || groups["Specialized"] != 4 || groups["Structured"] != 8 {
		t.Errorf("groups: %v", groups)
	}
	if caltech := list[1]; !slices.Contains(caltech.Test, 6085) {
		t.Errorf("the other copy of Caltech-101: %+v", caltech)
	}
}

func TestTaskOf(t *testing.T) {
	for name, want := range map[string]string{
		"cifar": "cifar", "CIFAR-100": "cifar", "cifar_100": "cifar", "flowers102": "oxford_flowers102", "pets": "oxford_iiit_pet",
		"Camelyon": "patch_camelyon", "dSpr-Loc": "dsprites_loc", "sNORB-Azim": "smallnorb_azi", "KITTI-Dist": "kitti",
		"vtab-clevr-count": "clevr_count", " eurosat ": "eurosat",
	} {
		if task, err := TaskOf(name); err != nil || task.Folder != want {
			t.Errorf("%q: %s, %v; want %s", name, task.Folder, err, want)
		}
	}
	for name, near := range map[string]string{"eurosta": "eurosat", "smallnorb_ela": "smallnorb_ele", "resisc54": "resisc45"} {
		if _, err := TaskOf(name); err == nil || !strings.Contains(err.Error(), "did you mean "+near+"?") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := TaskOf("imagenet-1k"); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("far from everything: %v", err)
	}
}

func TestSelect(t *testing.T) {
	for text, want := range map[string]string{
		"svhn,cifar,svhn":       "cifar svhn",
		"Specialized":           "patch_camelyon eurosat resisc45 diabetic_retinopathy",
		"dmlab,specialized":     "patch_camelyon eurosat resisc45 diabetic_retinopathy dmlab",
		"all":                   strings.Join(folders, " "),
		"natural, structured ,": "",
		"":                      "",
	} {
		list, err := Select(text)
		var names []string
		for _, task := range list {
			names = append(names, task.Folder)
		}
		if strings.Join(names, " ") != want || (err != nil) != (want == "") {
			t.Errorf("%q: %v, %v", text, names, err)
		}
	}
}

func TestDir(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{"cifar-100", "dtd", "textures"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"cifar": "cifar-100", "dtd": "dtd"} {
		task, _ := TaskOf(name)
		if dir, err := task.Dir(root); err != nil || dir != filepath.Join(root, want) {
			t.Errorf("%s: %s, %v", name, dir, err)
		}
	}
	pets, _ := TaskOf("pets")
	if _, err := pets.Dir(root); err == nil || !strings.Contains(err.Error(), root) || !strings.Contains(err.Error(), "oxford_iiit_pet") {
		t.Errorf("a task that is not there: %v", err)
	}
}
