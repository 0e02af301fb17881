package infer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
)

// PredictConfig is the configuration of Predict.
type PredictConfig struct {
	runner.AdaptedConfig        // without an Adapter: the backbone's own head
	SavedModel           string // a folder that export.Classifier wrote, instead of the fields above
	// Adapters are for PredictTasks, as adapter.Find takes them.
	Adapters      []string
	Images        []string
	SkipBadImages bool
	Batch         int
	Threads       int
}

// Prediction is the prediction for one image.
type Prediction struct {
	Image       string    `json:"image"`
	Adapter     string    `json:"adapter,omitempty"` // the name of its task, if there are several
	Label       int       `json:"label"`
	Class       string    `json:"class,omitempty"` // if the classifier has names
	Probability float64   `json:"probability"`
	Logits      []float32 `json:"logits"`
}

// MarshalJSON implements json.Marshaler. A path that is not UTF-8 is quoted, see [spell.UTF8].
func (p Prediction) MarshalJSON() ([]byte, error) {
	type plain Prediction
	p.Image = spell.UTF8(p.Image)
	return json.Marshal(plain(p))
}

// String is a line without newline: image, label with name, and probability, separated by tabs. Paths and names that would break
// the columns are quoted, see [spell.Line].
func (p Prediction) String() string {
	return fmt.Sprintf("%s\t%s\t%.4f", spell.Line(p.Image), p.label(), p.Probability)
}

// label is the label with its name, if it has one.
func (p Prediction) label() string {
	label := strconv.Itoa(p.Label)
	if p.Class != "" {
		label += " " + spell.Line(p.Class)
	}
	return label
}

// Predict classifies images and the images in folders, in order, and passes each prediction to show.
func Predict(ctx context.Context, c PredictConfig, ui runner.UI, show func(Prediction) error) error {
	ui.Err = report.NewScreen(ui.Err)
	items, err := c.items(ui.Note)
	if err != nil {
		return err
	}
	l, err := c.classifier(ctx, ui)
	if err != nil {
		return err
	}
	defer l.Close()
	loader, closeLoader, err := c.load(ctx, items, l.images(), ui.Note)
	if err != nil {
		return err
	}
	defer closeLoader()
	for b, err := range loader.Epoch(ctx, 1) {
		if err != nil {
			return err
		}
		logits, err := classify.Logits(l, loader, b, l.image)
		if err != nil {
			return err
		}
		for i, at := range b.Indices {
			if err := show(l.prediction(items[at].Path, logits.Float32()[i*l.classes:(i+1)*l.classes])); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	return nil
}

// items checks the settings and lists the images.
func (c PredictConfig) items(note runner.NoteFunc) ([]data.Item, error) {
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return nil, err
	}
	return imageFiles(c.Images, note)
}

// load surveys the images and opens a loader that reads each once.
func (c PredictConfig) load(ctx context.Context, items []data.Item, images data.Images, note runner.NoteFunc) (*data.Loader, func(), error) {
	if _, err := classify.Survey(ctx, items, note); err != nil {
		return nil, nil, err
	}
	return classify.Sequential(items, images, c.Batch, c.Threads, c.SkipBadImages, &data.Skips{Note: note})
}

// classifier loads the classifier that the user chose.
func (c PredictConfig) classifier(ctx context.Context, ui runner.UI) (*loaded, error) {
	if c.SavedModel == "" {
		return loadClassifier(ctx, c.AdaptedConfig, c.Threads, ui.Note)
	}
	if err := c.savedModelAlone(); err != nil {
		return nil, err
	}
	return loadServed(c.SavedModel, c.Threads)
}

// savedModelAlone returns an error if the user gave what the SavedModel holds.
func (c PredictConfig) savedModelAlone() error {
	b, m := c.Backbone, c.Method
	var given []string
	for _, f := range []struct {
		flag  string
		given bool
	}{
		{"adapter", c.Adapter != "" || len(c.Adapters) > 0}, {"backbone", b.Path != ""}, {"heads", b.Heads != 0}, {"image-size", b.ImageSize != 0},
		{"mean", b.Mean != nil}, {"std", b.Std != nil}, {"method", m.Method != ""}, {"pool", m.Pool != ""},
	} {
		if f.given {
			given = append(given, f.flag)
		}
	}
	if given = append(given, slices.Sorted(maps.Keys(m.Options))...); len(given) > 0 {
		return runner.Usagef("--%s and --saved-model contradict each other: the SavedModel holds backbone, adapter and settings", given[0])
	}
	return nil
}

func (l *loaded) prediction(path string, logits []float32) Prediction {
	p := Prediction{Image: path, Label: classify.Argmax(logits), Logits: logits}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v - logits[p.Label]))
	}
	p.Probability = 1 / sum
	if p.Label < len(l.classNames) {
		p.Class = l.classNames[p.Label]
	}
	return p
}

// imageFiles lists the named files, whatever their names, and all images below the named folders.
func imageFiles(names []string, note func(string, ...any)) ([]data.Item, error) {
	var items []data.Item
	var passed data.Passed
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("image: %w", err)
		}
		if !info.IsDir() {
			items = append(items, data.Item{Path: name, Name: name})
			continue
		}
		images, err := passed.ImagesBelow(name)
		if err != nil {
			return nil, fmt.Errorf("folder of images: %w", err)
		}
		if len(images) == 0 {
			runner.NoteAll(passed.Notes(), note)
			return nil, fmt.Errorf("folder %s has no images (JPEG, PNG, BMP, GIF)", name)
		}
		for _, f := range images {
			items = append(items, data.Item{Path: f.Path, Name: f.Path})
		}
	}
	runner.NoteAll(passed.Notes(), note)
	return items, nil
}
