package serve

import (
	"context"
	"fmt"
	"time"

	"dtl-tf/graph/tensor"
)

// batcher collects the images of all requests into batches and computes them, one batch at a time.
type batcher struct {
	engine  Engine
	queue   *queue
	largest int           // images of a batch
	window  time.Duration // how long the first image of a batch waits for others
	metrics *metrics
}

// run computes batches until the queue is closed and empty.
func (b *batcher) run() {
	for !b.queue.ended() {
		images := b.queue.take(b.largest)
		if len(images) == 0 {
			<-b.queue.arrived
			continue
		}
		b.compute(b.fill(images))
	}
}

// fill waits for further images until the batch is full or its first image has waited for the window.
func (b *batcher) fill(images []*waiting) []*waiting {
	timer := time.NewTimer(b.window - time.Since(images[0].since))
	defer timer.Stop()
	for len(images) < b.largest {
		select {
		case <-b.queue.arrived:
			images = append(images, b.queue.take(b.largest-len(images))...)
			if b.queue.isClosed() {
				return images
			}
		case <-timer.C:
			return images
		}
	}
	return images
}

// compute answers a batch.
func (b *batcher) compute(images []*waiting) {
	begun := time.Now()
	var parts []Part
	at := map[*served]int{} // index in parts
	size := b.engine.ImageSize()
	pixels := make([]uint8, 0, len(images)*size*size*3)
	for row, w := range images {
		pixels = append(pixels, w.pixels...)
		for _, s := range w.adapters {
			p, ok := at[s]
			if !ok {
				p = len(parts)
				at[s] = p
				parts = append(parts, Part{Model: s.Model})
			}
			parts[p].Rows = append(parts[p].Rows, row)
		}
	}
	logits, errs := b.logits(tensor.Must(pixels, len(images), size, size, 3), parts)
	took := time.Since(begun)
	b.metrics.batch(len(images), took)
	next := make([]int, len(parts)) // the row of each part's logits that comes next
	for _, w := range images {
		w.answer = answer{batch: len(images), queued: begun.Sub(w.since), compute: took}
		var failed error
		for _, s := range w.adapters {
			p := at[s]
			i := next[p]
			next[p]++
			if errs[p] != nil {
				failed = fmt.Errorf("adapter %s: %w", s.name, errs[p])
				continue
			}
			classes := s.Classes()
			row := tensor.Must(logits[p].Float32()[i*classes:(i+1)*classes], classes)
			if bad := row.FirstNonFinite(); bad >= 0 {
				failed = fmt.Errorf("adapter %s can't classify the image: its logit of class %d is %v; backbone or adapter are damaged, or their values overflow in this precision",
					s.name, bad, row.Float32()[bad])
			}
			w.answer.logits = append(w.answer.logits, row.Float32())
		}
		b.metrics.queued(w.answer.queued)
		w.finish(failed)
	}
}

// logits computes the parts together. If that fails, it computes each alone, so that one adapter does not disturb the others.
func (b *batcher) logits(images tensor.Tensor, parts []Part) ([]tensor.Tensor, []error) {
	errs := make([]error, len(parts))
	r, err := b.guarded(images, parts)
	if err == nil {
		return r.Logits, errs
	}
	all := make([]tensor.Tensor, len(parts))
	for i, p := range parts {
		if len(parts) > 1 {
			r, err = b.guarded(images, []Part{p})
		}
		if errs[i] = err; err == nil {
			all[i] = r.Logits[0]
		}
	}
	return all, errs
}

// guarded calls the engine, checks the shapes and turns a panic into an error.
func (b *batcher) guarded(images tensor.Tensor, parts []Part) (r Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the computation failed: %v", v)
		}
	}()
	if r, err = b.engine.Logits(images, parts); err != nil {
		return r, err
	}
	for i, p := range parts {
		if l := r.Logits[i]; len(l.Shape) != 2 || l.Shape[0] != len(p.Rows) || l.Shape[1] != p.Model.Classes() || l.Float32() == nil {
			return r, fmt.Errorf("the logits have the shape %v, want float32 %v", l.Shape, []int{len(p.Rows), p.Model.Classes()})
		}
	}
	b.metrics.work(r)
	return r, nil
}

// ask has all adapters of the list classify images (pixels [S, S, 3] each), which have places in the queue, and waits for the answers. It
// releases the adapters once they are no longer needed, also on an error.
func (b *batcher) ask(ctx context.Context, images [][]uint8, list []*served, release func()) ([]answer, error) {
	r := &request{ready: make(chan struct{}), release: release}
	r.left.Store(int64(len(images)))
	all := make([]*waiting, len(images))
	now := time.Now()
	for i, pixels := range images {
		all[i] = &waiting{ctx: ctx, pixels: pixels, adapters: list, since: now, request: r}
	}
	if err := b.queue.push(all); err != nil {
		release()
		return nil, err
	}
	select {
	case <-r.ready:
	case <-ctx.Done(): // the batcher drops the images and releases the adapters
		return nil, context.Cause(ctx)
	}
	answers := make([]answer, len(all))
	for i, w := range all {
		if w.answer.err != nil {
			if len(all) > 1 {
				return nil, fmt.Errorf("image %d: %w", i, w.answer.err)
			}
			return nil, w.answer.err
		}
		answers[i] = w.answer
	}
	return answers, nil
}
