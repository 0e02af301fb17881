package infer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/assess/page"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/class"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// TaskScore is the score of one task of EvalTasks.
type TaskScore struct {
	Adapter, Data string
	Scored
}

// MarshalJSON implements json.Marshaler: the names before the fields of the score.
func (s TaskScore) MarshalJSON() ([]byte, error) {
	type names struct {
		Adapter string `json:"adapter"`
		Data    string `json:"data"`
	}
	if s.Several != nil {
		return json.Marshal(struct {
			names
			*assess.SeveralFigures
		}{names{s.Adapter, s.Data}, s.Several})
	}
	return json.Marshal(struct {
		names
		classify.Score
	}{names{s.Adapter, s.Data}, s.Score})
}

// EvalTasks is Eval for several adapters on one backbone, each on its own data set or all on one. An image that occurs in several data
// sets (a file of the same bytes) is decoded and passed through what the tasks share once.
func EvalTasks(ctx context.Context, c EvalConfig, ui runner.UI) ([]TaskScore, error) {
	ui.Err = report.NewScreen(ui.Err)
	if len(c.DataSets) == 0 {
		return nil, runner.Usagef("--data is required: name the folder of a data set")
	}
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return nil, err
	}
	files, err := adapter.Find(c.Adapters)
	if err != nil {
		return nil, err
	}
	if n := len(c.DataSets); n != 1 && n != len(files) { // before the backbone is read
		return nil, runner.Usagef("%s and %d --data: give one --data for each adapter, in the same order, or one for all", report.Count(len(files), "adapter"), n)
	}
	if err := c.checkOut(); err != nil {
		return nil, err
	}
	if err := c.checkNames(files); err != nil {
		return nil, err
	}
	t, err := openTasks(ctx, c.AdaptedConfig, files, c.Threads, ui.Note)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	u := union{at: map[string]int{}}
	scores := make([]TaskScore, len(t.list))
	for i, task := range t.list {
		scores[i] = TaskScore{Adapter: task.name, Data: c.DataSets[min(i, len(c.DataSets)-1)]}
		part, err := task.part(ctx, c, scores[i].Data, ui.Note)
		if err != nil {
			return nil, err
		}
		u.add(i, part)
	}
	if err := u.merge(ctx); err != nil {
		return nil, err
	}
	if _, err := classify.Survey(ctx, u.items(u.every()), t.images, ui.Note); err != nil {
		return nil, err
	}
	ui.Note("%s in %s, of which %d differ in content: each runs once", report.Count(u.total, "image"), report.Count(len(c.DataSets), "data set"), len(u.list))
	ui.Note("%s", describeSharing(t.sharing))
	answers, err := u.evaluate(ctx, t, c, ui)
	if err != nil {
		return nil, err
	}
	for i, task := range t.list {
		if task.several {
			f, _ := assess.Several(answers[i].several, task.classes)
			scores[i].Images, scores[i].Several = f.Images, &f
		} else {
			scores[i].Score = answers[i].counts.Score()
		}
		if scores[i].Images == 0 {
			return nil, runner.Usagef("task %s: no image could be evaluated", task.name)
		}
		record := assess.Record{Classes: task.classes, ClassNames: task.classNames}
		noteDoubt("the adapter "+spell.Line(task.name), scores[i].Score, record, ui.Note)
	}
	if c.Out == "" {
		return scores, nil
	}
	return scores, t.writeEvaluations(c, scores, answers, u.parts, ui)
}

// writeEvaluations writes the evaluation of each task into a folder of its name, and a page that compares them.
func (t *tasks) writeEvaluations(c EvalConfig, scores []TaskScore, answers []taskAnswers, parts []part, ui runner.UI) error {
	var subjects []*page.Subject
	var apart []string // of images of any number of classes
	var several []*page.Subject
	for i, task := range t.list {
		record := assess.Record{
			Program: ui.Version, Time: result.Now(), Adapter: task.path, Backbone: t.backbone, Method: task.method, Data: scores[i].Data, Split: c.Split, Content: parts[i].content, Exif: t.images.Upright,
			Skipped: len(parts[i].items) - scores[i].Images, Classes: task.classes, ClassNames: task.classNames,
		}
		var e *assess.Evaluation
		if task.several {
			e = assess.NewSeveral(record, answers[i].several)
		} else {
			e = assess.New(record, answers[i].one)
		}
		s, err := writeEvaluation(filepath.Join(c.Out, task.name), e, ui.Note)
		if err != nil {
			return err
		}
		if task.several {
			apart, several = append(apart, spell.Line(task.name)), append(several, s)
			continue
		}
		subjects = append(subjects, s)
	}
	if subjects == nil {
		subjects = several
	} else if apart != nil {
		ui.Note("the comparison is of images of one class, so it leaves out %s (--loss bce)", spell.Few(apart, 5))
	}
	if err := remove(c.Out, result.EvaluationFiles()...); err != nil { // of a single adapter
		return err
	}
	if len(subjects) < 2 {
		return remove(c.Out, page.ComparisonFile)
	}
	path := filepath.Join(c.Out, page.ComparisonFile)
	if err := page.CompareFile(path, subjects); err != nil {
		return err
	}
	ui.Note("comparison: %s", spell.Line(path))
	return nil
}

// part is the images of a split with the labels of a task's classifier.
type part struct {
	items   []data.Item
	sets    [][]int // the classes of an image by its label, if there may be any number of them
	content string  // EvalConfig.contentOf
}

// part reads the split in a folder.
func (t oneTask) part(ctx context.Context, c EvalConfig, folder string, note runner.NoteFunc) (p part, err error) {
	set, err := openData(folder, t.several, "the adapter")
	if err != nil {
		return p, err
	}
	runner.NoteAll(set.Notes, note)
	if p.items, err = splitOf(ctx, set, c.Split, t.path, note); err != nil {
		return p, err
	}
	if p.content, err = c.contentOf(ctx, set, p.items); err != nil {
		return p, err
	}
	m := class.Find(class.Of(set), class.List{Owner: "the adapter " + t.path, Count: t.classes, Names: t.classNames})
	p.sets, err = relabel(m, set, p.items, note)
	return p, err
}

// union is the images of several tasks, each once.
type union struct {
	list  []image
	at    map[string]int // by path
	parts []part         // of each task
	total int
}

// image is an image with the tasks that classify it. A data set can list a file more than once.
type image struct {
	data.Item
	uses []use
}

type use struct {
	task, label int
	name        string // of the image, in the data set of the task
	at          int    // in that data set
}

// add adds the images of a task. Tasks come in order.
func (u *union) add(task int, p part) {
	u.parts = append(u.parts, p)
	for i, item := range p.items {
		at, known := u.at[item.Path]
		if !known {
			at = len(u.list)
			u.at[item.Path] = at
			u.list = append(u.list, image{Item: item})
		}
		u.list[at].uses = append(u.list[at].uses, use{task, item.Label, item.Name, i})
		u.total++
	}
}

// merge joins images whose files have the same bytes. It reads only files that have the size of another. A file that can't be read is
// left for the decoder to report.
func (u *union) merge(ctx context.Context) error {
	bySize := map[int64][]int{}
	for i, image := range u.list {
		if info, err := os.Stat(image.Path); err == nil {
			bySize[info.Size()] = append(bySize[info.Size()], i)
		}
	}
	gone := map[int]bool{}
	for _, same := range bySize {
		first := map[[sha256.Size]byte]int{}
		for _, i := range same {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("interrupted: %w", err)
			}
			if len(same) == 1 {
				break
			}
			sum, err := contentOf(ctx, u.list[i].Path)
			if err != nil {
				continue
			}
			if earlier, ok := first[sum]; ok {
				u.list[earlier].uses = append(u.list[earlier].uses, u.list[i].uses...)
				gone[i] = true
			} else {
				first[sum] = i
			}
		}
	}
	var kept []image
	for i, image := range u.list {
		if !gone[i] {
			kept = append(kept, image)
		}
	}
	u.list = kept
	return nil
}

func contentOf(ctx context.Context, path string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	_, err = limit.Copy(ctx, h, path)
	h.Sum(sum[:0])
	return sum, err
}

// tasks lists the tasks that classify an image, in order.
func (i image) tasks() []int {
	var list []int
	for _, use := range i.uses {
		list = append(list, use.task)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (u *union) every() []int {
	all := make([]int, len(u.list))
	for i := range all {
		all[i] = i
	}
	return all
}

func (u *union) items(which []int) []data.Item {
	items := make([]data.Item, len(which))
	for i, at := range which {
		items[i] = u.list[at].Item
	}
	return items
}

// group is the images that the same tasks classify, by their indices.
type group struct {
	tasks  []int
	images []int
}

// groups divides the images, so that every batch is of one group.
func (u *union) groups() (list []group) {
	for i, image := range u.list {
		tasks := image.tasks()
		at := slices.IndexFunc(list, func(g group) bool { return slices.Equal(g.tasks, tasks) })
		if at < 0 {
			at = len(list)
			list = append(list, group{tasks: tasks})
		}
		list[at].images = append(list[at].images, i)
	}
	return list
}

// evaluate runs every image once. It returns what each task answers, the list only with Out.
func (u *union) evaluate(ctx context.Context, t *tasks, c EvalConfig, ui runner.UI) (answers []taskAnswers, err error) {
	e := &evaluation{union: u, tasks: t, config: c, once: classify.Once(c.Batch, c.SkipBadImages, &data.Skips{Note: ui.Note})}
	for range t.list {
		e.counts, e.one, e.several = append(e.counts, classify.NewTally()), append(e.one, map[int]assess.Answer{}), append(e.several, map[int]assess.SeveralAnswer{})
	}
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	done, seen := progress.Task("evaluating", len(u.list)), 0
	for _, g := range u.groups() {
		err := e.group(ctx, g, func(images int) {
			seen += images
			done(seen)
		})
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted during the evaluation: %w", ctx.Err())
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range t.list {
		answers = append(answers, taskAnswers{e.counts[i], inOrder(e.one[i]), inOrder(e.several[i])})
	}
	return answers, nil
}

// evaluation collects what tasks answer, in lists by task. Maps are by the position of an image in the task's data set.
type evaluation struct {
	*union
	tasks   *tasks
	config  EvalConfig
	once    data.LoaderOptions
	counts  []*classify.Tally
	one     []map[int]assess.Answer        // with Out only
	several []map[int]assess.SeveralAnswer // of tasks of any number of classes
}

// group classifies the images of a group. seen receives the number of images of each batch.
func (e *evaluation) group(ctx context.Context, g group, seen func(images int)) error {
	loader, closeLoader, err := classify.Sequential(e.items(g.images), e.tasks.images, e.config.Threads, e.once)
	if err != nil {
		return err
	}
	defer closeLoader()
	for b, err := range loader.Epoch(ctx, 1) {
		if err != nil {
			return err
		}
		all, err := e.tasks.logits(b.Tensor(e.tasks.images.Size), g.tasks, func(i int) string { return loader.Item(b.Indices[i]).Path })
		if err != nil {
			return err
		}
		for j, task := range g.tasks {
			classes := e.tasks.list[task].classes
			for i, at := range b.Indices {
				e.add(task, e.list[g.images[at]], all[j].Float32()[i*classes:(i+1)*classes])
			}
		}
		seen(b.Size())
	}
	return nil
}

// add adds what a task answers for an image.
func (e *evaluation) add(task int, image image, logits []float32) {
	if e.tasks.list[task].several {
		image.judgeSeveral(task, logits, e.parts[task].sets, e.several[task])
		return
	}
	image.count(task, classify.Argmax(logits), e.counts[task])
	if e.config.Out != "" {
		image.judge(task, logits, e.one[task])
	}
}

// taskAnswers are the answers of a task in the order of its data set: counts and one, or several if an image may be of any number of
// classes.
type taskAnswers struct {
	counts  *classify.Tally
	one     []assess.Answer // with Out only
	several []assess.SeveralAnswer
}

// inOrder lists values by ascending key.
func inOrder[T any](of map[int]T) (list []T) {
	for _, at := range slices.Sorted(maps.Keys(of)) {
		list = append(list, of[at])
	}
	return list
}

// judgeSeveral is judge for a task of any number of classes, whose sets of classes are sets.
func (i image) judgeSeveral(task int, logits []float32, sets [][]int, kept map[int]assess.SeveralAnswer) {
	for _, use := range i.uses {
		if use.task == task {
			kept[use.at] = assess.SeveralAnswer{Image: use.name, True: sets[use.label], Probabilities: assess.Sigmoid(logits)}
		}
	}
}

// judge keeps the answer of a task for the image, for each place in which the task's data set has it.
func (i image) judge(task int, logits []float32, kept map[int]assess.Answer) {
	for _, use := range i.uses {
		if use.task == task {
			kept[use.at] = assess.Judge(use.name, use.label, logits)
		}
	}
}

// count adds an answer of a task for the image, for each place in which the task's data set has it.
func (i image) count(task, answer int, counts *classify.Tally) {
	for _, use := range i.uses {
		if use.task == task {
			counts.Add(use.label, answer)
		}
	}
}
