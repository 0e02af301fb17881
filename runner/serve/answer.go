package serve

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"dtl-tf/runner/assess"
	"dtl-tf/runner/internal/classify"
)

// asked is the answers to a request.
type asked struct {
	answers []answer // one for each image
	decode  time.Duration
	total   time.Duration // from the arrival of the whole body
}

// ask decodes images and has adapters, which the caller holds, classify them.
func (s *server) ask(r *http.Request, images []file, list []*served) (*asked, error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeoutCause(r.Context(), s.config.Timeout, errTimeout)
	defer cancel()
	if len(images) > s.config.MaxImages {
		return nil, s.tooMany(len(images))
	}
	e := entryOf(r)
	e.images, e.adapters = len(images), len(list)
	if len(list) == 0 {
		return nil, failf(http.StatusServiceUnavailable, "no adapter is loaded")
	}
	if err := s.queue.reserve(len(images)); err != nil { // before the work of decoding
		return nil, err
	}
	pixels, err := s.decode(ctx, images)
	if err != nil {
		s.queue.cancel(len(images))
		return nil, err
	}
	decoded := time.Since(begun)
	s.metrics.decoded(decoded)
	answers, err := s.batcher.ask(ctx, pixels, list, hold(list, s.log)) // the batcher may still compute when this returns
	if err != nil {
		return nil, err
	}
	first := answers[0]
	e.batch, e.decode, e.queued, e.compute = first.batch, decoded, first.queued, first.compute
	return &asked{answers, decoded, time.Since(begun)}, nil
}

// decode decodes and scales images as predict does, a few at a time for all requests together.
func (s *server) decode(ctx context.Context, images []file) ([][]uint8, error) {
	pixels := make([][]uint8, len(images))
	errs := make([]error, len(images))
	var all sync.WaitGroup
	reader := s.batcher.engine.Images()
	reader.Decoder = s.decoder
	for i, f := range images {
		select {
		case s.decoding <- struct{}{}:
		case <-ctx.Done():
			all.Wait()
			return nil, context.Cause(ctx)
		}
		all.Add(1)
		go func() {
			defer all.Done()
			defer func() { <-s.decoding }()
			pixels[i], errs[i] = reader.Decode(f.content, s.config.MaxPixels)
		}()
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, failf(http.StatusBadRequest, "image %s: %w", images[i].shown(i), err)
		}
	}
	return pixels, nil
}

// softmax turns logits into probabilities. That of the largest logit is computed as predict does.
func softmax(logits []float32) []float64 {
	largest := slices.Max(logits)
	p := make([]float64, len(logits))
	sum := 0.0
	for i, v := range logits {
		p[i] = math.Exp(float64(v - largest))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// probabilities are those of the classes: by softmax, or by sigmoid if an image has any number of classes.
func (s *served) probabilities(logits []float32) []float64 {
	if s.Several() {
		return assess.Sigmoid(logits)
	}
	return softmax(logits)
}

// order lists the classes with the largest logit first. Equal ones stay in order, so the first is the one that predict names.
func order(logits []float32) []int {
	list := make([]int, len(logits))
	for i := range list {
		list[i] = i
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	return list
}

// className is the name of a class, or "" if the adapter has no names.
func (s *served) className(class int) string {
	if names := s.ClassNames(); class < len(names) {
		return names[class]
	}
	return ""
}

// prediction is what an adapter says about an image, in the form of predict --json.
type prediction struct {
	Image       string    `json:"image"`
	Adapter     string    `json:"adapter"`
	Label       int       `json:"label"`
	Class       string    `json:"class,omitempty"`
	Probability float64   `json:"probability"`
	Logits      []float32 `json:"logits"`
	Top         []likely  `json:"top"` // the likeliest classes
	// Labels, not nil if an image has any number of classes, are all of at least the threshold, the most probable first.
	Labels *[]likely `json:"labels,omitempty"`
}

type likely struct {
	Label       int     `json:"label"`
	Class       string  `json:"class,omitempty"`
	Probability float64 `json:"probability"`
}

const topClasses = 5

// milliseconds are the parts of an answer's time.
type milliseconds struct {
	Decode  float64 `json:"decode"`
	Queue   float64 `json:"queue"`   // until the image's batch began
	Compute float64 `json:"compute"` // of the batch
	Total   float64 `json:"total"`   // from the arrival of the whole request
}

func ms(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// predictAll answers POST /v1/predict: every adapter's answer for every image.
func (s *server) predictAll(w http.ResponseWriter, r *http.Request) error {
	images, names, release, err := s.images(w, r)
	if err != nil {
		return err
	}
	defer release()
	names = append(names, r.URL.Query()["adapter"]...)
	if err := distinct(names); err != nil {
		return err
	}
	threshold, err := thresholdOf(r)
	if err != nil {
		return err
	}
	for _, name := range names {
		if s.adapters.peek(name) == nil {
			return noAdapter(name, s.adapters.names())
		}
	}
	adapters, letGo, err := s.adapters.acquire(names...)
	if err != nil { // it has just been removed
		return err
	}
	defer letGo()
	a, err := s.ask(r, images, adapters)
	if statusOf(err) == http.StatusBadRequest && stripped(r, images) {
		return failf(http.StatusBadRequest, "%w; curl's -d sends a file without its line breaks, and so not as it is: use --data-binary", err)
	}
	if err != nil {
		return err
	}
	var list []prediction
	for i, f := range images {
		for k, adapter := range adapters {
			list = append(list, adapter.predict(f.shown(i), a.answers[i].logits[k], threshold))
		}
	}
	slowest := slices.MaxFunc(a.answers, func(x, y answer) int { return cmp.Compare(x.queued, y.queued) })
	writeJSON(w, http.StatusOK, map[string]any{
		"predictions": list, "batch": slowest.batch,
		"milliseconds": milliseconds{ms(a.decode), ms(slowest.queued), ms(slowest.compute), ms(a.total)},
	})
	return nil
}

// predict is what an adapter whose logits for an image are these says about it.
func (s *served) predict(image string, logits []float32, threshold float64) prediction {
	p, label, ranked := s.probabilities(logits), classify.Argmax(logits), order(logits)
	one := prediction{Image: image, Adapter: s.name, Label: label, Class: s.className(label), Probability: p[label], Logits: logits}
	for _, class := range ranked[:min(topClasses, len(ranked))] {
		one.Top = append(one.Top, likely{class, s.className(class), p[class]})
	}
	if s.Several() {
		one.Labels = &[]likely{}
		for _, class := range ranked {
			if p[class] >= threshold {
				*one.Labels = append(*one.Labels, likely{class, s.className(class), p[class]})
			}
		}
	}
	return one
}

// stripped reports whether a body is probably an image that curl -d has changed: it removes line breaks and zero bytes, and calls the rest
// a form.
func stripped(r *http.Request, images []file) bool {
	const enough = 256 // bytes; an image of this size contains at least one of the three bytes
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded" && len(images) == 1 &&
		len(images[0].content) >= enough && !bytes.ContainsAny(images[0].content, "\n\r\x00")
}

// thresholdOf is the parameter threshold of a request, for adapters of any number of classes.
func thresholdOf(r *http.Request) (float64, error) {
	q := r.URL.Query()
	if !q.Has("threshold") {
		return assess.SeveralThreshold, nil
	}
	v, err := strconv.ParseFloat(q.Get("threshold"), 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, failf(http.StatusBadRequest, "the parameter threshold is %.60q: want a probability from 0 to 1", q.Get("threshold"))
	}
	return v, nil
}

// labelText is a class as the text that TensorFlow Serving's classify answers with.
func (s *served) labelText(class int) string {
	return cmp.Or(s.className(class), strconv.Itoa(class))
}

// unfit is the error for a request whose JSON has another form.
func unfit(format string, args ...any) error {
	return &failure{http.StatusBadRequest, fmt.Errorf(format, args...)}
}
