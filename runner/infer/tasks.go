package infer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/export"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// ServesTasks reports whether a SavedModel has several tasks, so that PredictTasks is to be called.
func ServesTasks(dir string) bool { return dir != "" && export.HasTasks(dir) }

// Several reports whether values of --adapter name several tasks, or one by name, so that PredictTasks or EvalTasks is to be called. A
// single file or run is for Predict or Eval.
func Several(adapters []string) bool { return adapter.Several(adapters) }

// OneAdapter returns the adapter file that a value of --adapter names, if Several is false.
func OneAdapter(values []string) (string, error) { return export.OneAdapter(values) }

// tasks are several classifiers on one backbone.
type tasks struct {
	run     func(images tensor.Tensor, which []int) ([]tensor.Tensor, error)
	close   func() error
	sharing dtl.Sharing // of all tasks
	images  data.Images // how they are made of files
	list    []oneTask

	backbone string // file; "" with a SavedModel
}

// oneTask is the classifier of one adapter.
type oneTask struct {
	name, path string
	method     string // "" with a SavedModel
	classes    int
	classNames []string // nil if unknown
	several    bool     // an image has any number of classes
}

// openTasks loads one backbone with several adapters.
func openTasks(ctx context.Context, c runner.AdaptedConfig, files []adapter.Named, threads int, note runner.NoteFunc) (*tasks, error) {
	c.Backbone = c.Backbone.Streamed()
	adapted, err := adapter.OpenSeveral(ctx, c, files, note)
	if err != nil {
		return nil, err
	}
	config, list := adapter.Tasks(files, adapted)
	options := graph.SessionOptions{Threads: threads}
	if config.Device, err = graph.FindDevice(options); err != nil {
		return nil, err
	}
	shared, err := dtl.NewShared(config, dtl.Start{Session: options, Weights: adapted[0].Backbone.Weights})
	if err != nil {
		return nil, err
	}
	t := &tasks{close: shared.Close, images: adapted[0].Images(), backbone: adapted[0].Backbone.Path}
	t.run = func(images tensor.Tensor, which []int) ([]tensor.Tensor, error) {
		return shared.Logits(images, t.names(which)...)
	}
	for i, task := range list {
		if err := shared.Add(task); err != nil {
			shared.Close()
			return nil, err
		}
		t.list = append(t.list, oneTask{task.Name, files[i].Path, task.Method.Name(), task.Classes, adapted[i].ClassNames, adapted[i].Several})
	}
	t.sharing, err = shared.Sharing(t.names(t.every())...)
	return t, err
}

// servedTasks loads an exported model of several tasks.
func servedTasks(dir string, threads int) (*tasks, error) {
	d, err := export.ReadTasks(dir)
	if err != nil {
		return nil, err
	}
	model, err := savedmodel.Load(dir, graph.SessionOptions{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	t := &tasks{close: model.Close, images: data.Images{Size: cmp.Or(d.TestResize, d.Image), Upright: d.Exif}, sharing: d.Sharing}
	for _, task := range d.Tasks {
		t.list = append(t.list, oneTask{task.Name, dir, "", task.Classes, task.ClassNames, task.Loss == result.LossSeveral})
	}
	t.run = func(images tensor.Tensor, which []int) ([]tensor.Tensor, error) {
		var outputs []string
		for _, i := range which {
			outputs = append(outputs, d.Tasks[i].Logits())
		}
		all, err := model.RunAll(savedmodel.Signature, export.ImagesInput, images, outputs...)
		if err != nil {
			return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
		}
		for j, i := range which {
			if err := checkServed(dir, all[j], images.Shape[0], t.list[i].classes); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	return t, nil
}

func (t *tasks) Close() error { return t.close() }

// logits classifies images for tasks by their indices in the list. path is of an image in the batch.
func (t *tasks) logits(images tensor.Tensor, which []int, path func(i int) string) ([]tensor.Tensor, error) {
	names := t.names(which)
	all, err := t.run(images, which)
	if err != nil {
		return nil, err
	}
	for i, logits := range all {
		if err := classify.Finite(logits, names[i], path); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *tasks) names(which []int) []string {
	names := make([]string, len(which))
	for i, at := range which {
		names[i] = t.list[at].name
	}
	return names
}

// every lists the indices of all tasks.
func (t *tasks) every() []int {
	all := make([]int, len(t.list))
	for i := range all {
		all[i] = i
	}
	return all
}

// describeSharing says what tasks share and save for an image that all of them classify.
func describeSharing(s dtl.Sharing) string {
	from := map[int][]string{}
	var depths []int
	for _, task := range s.Tasks {
		if from[task.From] == nil {
			depths = append(depths, task.From)
		}
		from[task.From] = append(from[task.From], spell.Line(task.Task))
	}
	var parts []string
	for _, n := range depths {
		names := spell.Few(from[n], 5)
		if n == 0 {
			parts = append(parts, "none for "+names)
		} else {
			parts = append(parts, fmt.Sprintf("%d for %s", n, names))
		}
	}
	return fmt.Sprintf("%s on one backbone of %d blocks: the first %d run once (shared blocks: %s); %d blocks run for an image instead of %d, %.0f %% fewer",
		report.Count(len(s.Tasks), "task"), s.Depth, s.Prefix, strings.Join(parts, ", "), s.Blocks(), s.Apart(),
		math.Floor(100*(1-float64(s.Blocks())/float64(s.Apart()))))
}

// PredictTasks is Predict for several adapters on one backbone: what their methods leave as it is runs once. begin gets the names of
// the tasks, and show the predictions for one image in their order.
func PredictTasks(ctx context.Context, c PredictConfig, ui runner.UI, begin func(tasks []string) error, show func(image []Prediction) error) error {
	ui.Err = report.NewScreen(ui.Err)
	items, err := c.items(ui.Note)
	if err != nil {
		return err
	}
	t, err := c.tasks(ctx, ui)
	if err != nil {
		return err
	}
	defer t.Close()
	for _, one := range t.list {
		if err := c.countFollows("the adapter of the task " + spell.Line(one.name)); err != nil && one.several {
			return err
		}
	}
	loader, closeLoader, err := c.load(ctx, items, t.images, ui.Note)
	if err != nil {
		return err
	}
	defer closeLoader()
	ui.Note("%s", describeSharing(t.sharing))
	if err := begin(t.names(t.every())); err != nil {
		return err
	}
	images, started := 0, time.Now()
	far := c.follow(len(items), ui)
	defer far.end()
	for b, err := range loader.Epoch(ctx, 1) {
		if err != nil {
			return err
		}
		path := func(i int) string { return items[b.Indices[i]].Path }
		all, err := t.logits(b.Tensor(t.images.Size), t.every(), path)
		if err != nil {
			return err
		}
		for i := range b.Indices {
			row := make([]Prediction, len(t.list))
			for j, one := range t.list {
				row[j] = one.prediction(c, path(i), all[j].Float32()[i*one.classes:(i+1)*one.classes])
				far.answer(row[j])
			}
			if err := show(row); err != nil {
				return err
			}
		}
		images += b.Size()
		far.batch(b.Size())
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	far.end()
	far.sum(ui.Note)
	ui.Note("%s by %s in %.1f s", report.Count(images, "image"), report.Count(len(t.list), "task"), time.Since(started).Seconds())
	return nil
}

// tasks loads the tasks that the user chose.
func (c PredictConfig) tasks(ctx context.Context, ui runner.UI) (*tasks, error) {
	if c.SavedModel != "" {
		if err := c.savedModelAlone(); err != nil {
			return nil, err
		}
		return servedTasks(c.SavedModel, c.Threads)
	}
	files, err := adapter.Find(c.Adapters)
	if err != nil {
		return nil, err
	}
	return openTasks(ctx, c.AdaptedConfig, files, c.Threads, ui.Note)
}

func (t oneTask) prediction(c PredictConfig, path string, logits []float32) Prediction {
	p := c.prediction(&loaded{classes: t.classes, classNames: t.classNames, several: t.several}, path, logits)
	p.Adapter = t.name
	return p
}

// Row is a line without newline for one image: its path, and for each task the label with name and the probability, separated by tabs.
// Several classes of a task, and the word unsure, are separated by semicolons.
func Row(image []Prediction) string {
	cells := []string{spell.Line(image[0].Image)}
	for _, p := range image {
		cells = append(cells, p.answer(" ", "; "))
	}
	return strings.Join(cells, "\t")
}

// Header is the line above the lines of Row.
func Header(tasks []string) string {
	cells := []string{"image"}
	for _, name := range tasks {
		cells = append(cells, spell.Line(name))
	}
	return strings.Join(cells, "\t")
}
