package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// clevrSet is CLEVR (Johnson et al. 2017). VTAB-1k tests on its validation images, because the labels of the test images are not
// published. The key of an image is its file name.
var clevrSet = &authorSet{
	dataset: "clevr",
	title:   "CLEVR v1.0",
	files:   []authorFile{{"CLEVR_v1.0.zip", 19021600724, "5cd61cf1096ed20944df93c9adb31e74d189b8459a94f54ba00090e5c59936d1"}},
	mark:    func(name string) bool { return below(name, clevrScenes["train"]) != "" },
	open:    openRecords(func() rules { return &clevr{scenes: map[string][]scene{}} }),
}

// The files of scenes by split.
var clevrScenes = map[string]string{"train": "scenes/CLEVR_train_scenes.json", "validation": "scenes/CLEVR_val_scenes.json"}

type clevr struct{ scenes map[string][]scene }

// scene is what a task needs of a scene.
type scene struct {
	image   string // file name
	objects int
	nearest float32 // distance of the nearest object from the camera
}

func (c *clevr) canon(name string) string {
	name = below(name, "images/train/", "images/val/", "scenes/")
	if strings.HasPrefix(name, "scenes/") && name != clevrScenes["train"] && name != clevrScenes["validation"] {
		return ""
	}
	return name
}

func (c *clevr) file(name string, _ int64, r io.Reader) (err error) {
	for split, file := range clevrScenes {
		if name == file {
			c.scenes[split], err = readScenes(r, split)
		}
	}
	return err
}

func (c *clevr) result(task string, missing func(string) error) (map[string][]record, []string, error) {
	records := map[string][]record{}
	for split, folder := range map[string]string{"train": "images/train/", "validation": "images/val/"} {
		if len(c.scenes[split]) == 0 {
			return nil, nil, missing(clevrScenes[split])
		}
		for _, s := range c.scenes[split] {
			label, err := above(s.nearest, objectLimits...)
			if task == "clevr_count" {
				label, err = countLabel(s.objects)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("%s, image %s: %w", clevrScenes[split], s.image, err)
			}
			records[split] = append(records[split], record{key: s.image, label: label, image: folder + s.image})
		}
	}
	return records, nil, nil
}

// maxScene is far above the size in bytes of a scene, which has at most ten objects.
const maxScene = 4 << 20

// readScenes reads {"info": ..., "scenes": [SCENE, ...]} scene by scene.
func readScenes(r io.Reader, split string) (list []scene, err error) {
	limited := &sceneReader{r: r, left: maxScene}
	d := json.NewDecoder(limited)
	if err := seekScenes(d); err != nil {
		return nil, sceneError(0, err)
	}
	for d.More() {
		var s struct {
			ImageFilename string `json:"image_filename"`
			Objects       []struct {
				PixelCoords []float64 `json:"pixel_coords"`
			}
		}
		limited.left = maxScene
		if err := d.Decode(&s); err != nil {
			return nil, sceneError(len(list), err)
		}
		if want := sceneImage(split, len(list)); s.ImageFilename != want {
			return nil, sceneError(len(list), fmt.Errorf("its image is %.80q, not %s", s.ImageFilename, want))
		}
		if len(s.Objects) == 0 {
			return nil, sceneError(len(list), errors.New("it has no objects"))
		}
		next := scene{image: s.ImageFilename, objects: len(s.Objects)}
		for i, o := range s.Objects {
			if len(o.PixelCoords) != 3 {
				return nil, sceneError(len(list), fmt.Errorf("object %d has %d pixel_coords, not three", i, len(o.PixelCoords)))
			}
			if distance := float32(o.PixelCoords[2]); i == 0 || distance < next.nearest {
				next.nearest = distance
			}
		}
		list = append(list, next)
	}
	if _, err := d.Token(); err != nil { // "]", or the file ends
		return nil, sceneError(len(list), err)
	}
	_, err = io.Copy(io.Discard, r) // reading to the end compares the checksum of a zip
	return list, err
}

// sceneImage is the name of the image of a scene.
func sceneImage(split string, number int) string {
	if split == "validation" {
		split = "val"
	}
	return fmt.Sprintf("CLEVR_%s_%06d.png", split, number)
}

// seekScenes reads up to the first scene.
func seekScenes(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errors.New("it does not begin with {"))
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name == "scenes" {
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return errors.Join(err, errors.New(`"scenes" is no list`))
			}
			return nil
		}
		var other json.RawMessage
		if err := d.Decode(&other); err != nil {
			return err
		}
	}
	return errors.New(`it has no "scenes"`)
}

func sceneError(number int, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file is cut off: fetch it again: %w", err)
	}
	return fmt.Errorf("scene %d: %w", number, err)
}

// sceneReader bounds how much a decoder keeps of one scene.
type sceneReader struct {
	r    io.Reader
	left int
}

func (s *sceneReader) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes: this is no scene of CLEVR", maxScene)
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}
