package data

import "fmt"

// Order is the batches of an epoch as indices of the items given to NewLoader: those that Epoch gives, without reading an
// image. Images that are known to be bad are left out; see Skip.
func (l *Loader) Order(epoch int) ([][]int, error) {
	l.mu.Lock()
	order := l.usable(epoch)
	l.mu.Unlock()
	batch, n := l.options.Batch, len(order)
	switch {
	case n == 0:
		return nil, noneReadable(len(l.items))
	case n < batch && l.options.DropLast:
		return nil, tooFew(fmt.Sprintf("%d readable of %d images", n, len(l.items)), batch)
	}
	var batches [][]int
	for ; len(order) >= batch; order = order[batch:] {
		batches = append(batches, order[:batch:batch])
	}
	if len(order) > 0 && !l.options.DropLast {
		batches = append(batches, order)
	}
	return batches, nil
}

// Skip leaves an image out that somebody else found to be bad, and tells OnBad.
func (l *Loader) Skip(index int, err error) { l.markBad(index, err) }

// usable is the order of an epoch without the images known to be bad. The caller holds l.mu.
func (l *Loader) usable(epoch int) []int {
	var order []int
	for _, index := range l.order(epoch) {
		if !l.bad[index] {
			order = append(order, index)
		}
	}
	return order
}

func noneReadable(n int) error { return fmt.Errorf("none of the %d images can be read", n) }
