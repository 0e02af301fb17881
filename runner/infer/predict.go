package infer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
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
	TopK          int     // classes of a prediction, the most probable first
	Threshold     float64 // a prediction of a lower probability is unsure; 0: none is
	SkipBadImages bool
	Batch         int
	Threads       int
}

// Prediction is the prediction for one image.
type Prediction struct {
	Image       string   `json:"image"`
	Adapter     string   `json:"adapter,omitempty"` // the name of its task, if there are several
	Label       int      `json:"label"`
	Class       string   `json:"class,omitempty"` // if the classifier has names
	Probability float64  `json:"probability"`
	Unsure      *bool    `json:"unsure,omitempty"` // with a threshold
	Top         []Choice `json:"top,omitempty"`    // with TopK above 1: as many classes, the label first
	// Labels, not nil if an image has any number of classes, are those of at least the threshold, the most probable first. Label, Class and
	// Probability are then those of the most probable class, whatever its probability.
	Labels *[]Choice `json:"labels,omitempty"`
	Logits []float32 `json:"logits"`
}

// Choice is a class with its probability.
type Choice struct {
	Label       int     `json:"label"`
	Class       string  `json:"class,omitempty"`
	Probability float64 `json:"probability"`
}

// MarshalJSON implements json.Marshaler. A path that is not UTF-8 is quoted, see [spell.UTF8].
func (p Prediction) MarshalJSON() ([]byte, error) {
	type plain Prediction
	p.Image = spell.UTF8(p.Image)
	return json.Marshal(plain(p))
}

// String is a line without newline: image, label with name, and probability, separated by tabs, then those of the other classes of Top,
// and the word unsure if it is. Paths and names that would break the columns are quoted, see [spell.Line].
func (p Prediction) String() string { return spell.Line(p.Image) + "\t" + p.answer("\t", "\t") }

// answer is the prediction without the image. within separates a class and its probability, between separates classes.
func (p Prediction) answer(within, between string) string {
	var cells []string
	if p.Labels != nil && len(*p.Labels) == 0 {
		cells = append(cells, "none")
	}
	for _, c := range p.choices() {
		cells = append(cells, c.label()+within+fmt.Sprintf("%.4f", c.Probability))
	}
	if p.unsure() {
		cells = append(cells, "unsure")
	}
	return strings.Join(cells, between)
}

// choices are the classes to show.
func (p Prediction) choices() []Choice {
	if p.Labels != nil {
		return *p.Labels
	}
	if p.Top != nil {
		return p.Top
	}
	return []Choice{{p.Label, p.Class, p.Probability}}
}

func (p Prediction) unsure() bool { return p.Unsure != nil && *p.Unsure }

// label is the label with its name, if it has one.
func (c Choice) label() string {
	label := strconv.Itoa(c.Label)
	if c.Class != "" {
		label += " " + spell.Line(c.Class)
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
	loader, closeLoader, err := c.load(ctx, items, l.images, ui.Note)
	if err != nil {
		return err
	}
	defer closeLoader()
	far := c.follow(len(items), ui)
	defer far.end()
	for b, err := range loader.Epoch(ctx, 1) {
		if err != nil {
			return err
		}
		logits, err := classify.Logits(l, loader, b, l.images.Size)
		if err != nil {
			return err
		}
		for i, at := range b.Indices {
			p := c.prediction(l, items[at].Path, logits.Float32()[i*l.classes:(i+1)*l.classes])
			far.answer(p)
			if err := show(p); err != nil {
				return err
			}
		}
		far.batch(b.Size())
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	far.sum(ui.Note)
	return nil
}

// items checks the settings and lists the images.
func (c PredictConfig) items(note runner.NoteFunc) ([]data.Item, error) {
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return nil, err
	}
	if c.TopK < 1 {
		return nil, runner.Usagef("--top-k %d is not possible: it must be at least 1", c.TopK)
	}
	if !(c.Threshold >= 0 && c.Threshold <= 1) {
		return nil, runner.Usagef("--threshold %v is not possible: a probability is from 0 to 1", c.Threshold)
	}
	return imageFiles(c.Images, note)
}

// load surveys the images and opens a loader that reads each once.
func (c PredictConfig) load(ctx context.Context, items []data.Item, images data.Images, note runner.NoteFunc) (*data.Loader, func(), error) {
	if _, err := classify.Survey(ctx, items, images, note); err != nil {
		return nil, nil, err
	}
	return classify.Sequential(items, images, c.Threads, classify.Once(c.Batch, c.SkipBadImages, &data.Skips{Note: note}))
}

// classifier loads the classifier that the user chose.
func (c PredictConfig) classifier(ctx context.Context, ui runner.UI) (*loaded, error) {
	if c.SavedModel == "" {
		l, err := loadClassifier(ctx, c.AdaptedConfig, c.Threads, ui.Note)
		return c.checkCount(l, err)
	}
	if err := c.savedModelAlone(); err != nil {
		return nil, err
	}
	l, err := loadServed(c.SavedModel, c.Threads)
	return c.checkCount(l, err)
}

// checkCount refuses --top-k for a classifier of any number of classes.
func (c PredictConfig) checkCount(l *loaded, err error) (*loaded, error) {
	if err != nil || !l.several {
		return l, err
	}
	owner := "the adapter"
	if c.Adapter == "" && c.SavedModel == "" {
		owner = ownHeadName
	}
	if err := c.countFollows(owner); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// countFollows refuses --top-k for an adapter of any number of classes.
func (c PredictConfig) countFollows(owner string) error {
	if c.TopK <= 1 {
		return nil
	}
	return runner.Usagef("--top-k %d is not possible: %s was trained with --loss bce, so that all classes of at least --threshold are printed (default: 0.5)", c.TopK, owner)
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

// prediction makes the prediction for an image from its logits.
func (c PredictConfig) prediction(l *loaded, path string, logits []float32) Prediction {
	if l.several {
		return c.several(l, path, logits)
	}
	var top []Choice
	for _, r := range assess.Rank(logits, c.TopK) {
		choice := Choice{Label: r.Class, Probability: r.Probability}
		if r.Class < len(l.classNames) {
			choice.Class = l.classNames[r.Class]
		}
		top = append(top, choice)
	}
	p := Prediction{Image: path, Label: top[0].Label, Class: top[0].Class, Probability: top[0].Probability, Logits: logits}
	if c.TopK > 1 {
		p.Top = top
	}
	if c.Threshold > 0 {
		unsure := p.Probability < c.Threshold
		p.Unsure = &unsure
	}
	return p
}

// several is prediction for a classifier of which an image has any number of classes.
func (c PredictConfig) several(l *loaded, path string, logits []float32) Prediction {
	var all, labels []Choice
	for class, p := range assess.Sigmoid(logits) {
		choice := Choice{Label: class, Probability: p}
		if class < len(l.classNames) {
			choice.Class = l.classNames[class]
		}
		all = append(all, choice)
	}
	slices.SortStableFunc(all, func(a, b Choice) int { return cmp.Compare(b.Probability, a.Probability) })
	labels = []Choice{}
	for _, choice := range all {
		if choice.Probability >= cmp.Or(c.Threshold, assess.SeveralThreshold) {
			labels = append(labels, choice)
		}
	}
	return Prediction{Image: path, Label: all[0].Label, Class: all[0].Class, Probability: all[0].Probability, Labels: &labels, Logits: logits}
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
			return nil, fmt.Errorf("folder %s has no images (JPEG, PNG, BMP, GIF, WebP, TIFF)", name)
		}
		for _, f := range images {
			items = append(items, data.Item{Path: f.Path, Name: f.Path})
		}
	}
	runner.NoteAll(passed.Notes(), note)
	return items, nil
}
