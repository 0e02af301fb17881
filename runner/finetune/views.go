package finetune

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"dtl-tf/runner/data"
)

// With --views the feature cache stores the values of pictures: those of the first epochs, which later epochs have again. A picture
// depends on the position of its image in the list, because the random numbers do. It is number (view-1) n + position of n images.

// pictureSums identifies the pictures that have stored values: each file, or each view of each image.
func (p *plan) pictureSums() [][sha256.Size]byte {
	if p.config.Views == 0 {
		return p.data.sums()
	}
	n := len(p.data.sums())
	sums := make([][sha256.Size]byte, 0, n*p.config.Views)
	for view := range p.config.Views {
		for i, file := range p.data.sums() {
			b := binary.LittleEndian.AppendUint64(file[:], uint64(i))
			sums = append(sums, sha256.Sum256(binary.LittleEndian.AppendUint64(b, uint64(view))))
		}
	}
	return sums
}

// pictureOrder returns the batches of an epoch as numbers of pictures.
func (p *plan) pictureOrder(epoch int) ([][]int, error) {
	batches, err := p.data.train.Order(epoch)
	if n := p.config.Views; err == nil && n > 0 {
		first := (epoch - 1) % n * len(p.data.items)
		for _, batch := range batches {
			for i := range batch {
				batch[i] += first
			}
		}
	}
	return batches, err
}

// pictureKey says what the pictures depend on besides their images, "" without views.
func (p *plan) pictureKey() string {
	if p.config.Views == 0 {
		return ""
	}
	policy := p.config.augmentation()
	policy.LabelSmoothing = 0
	return fmt.Sprintf("%s, seed %d, fill %v", policy, p.config.Seed, fill(p.backbone.Mean))
}

// pictureOptions are those of a loader of the pictures, by row of the store.
func (k *features) pictureOptions(p *plan) data.LoaderOptions {
	o := data.LoaderOptions{Batch: firstPassBatch * max(1, len(p.devices.Places)), CacheBytes: -1, SkipBad: p.config.SkipBadImages}
	if p.config.Views == 0 {
		return o
	}
	policy := p.config.augmentation()
	policy.LabelSmoothing = 0
	n := len(p.data.items)
	o.Augment, o.Seed, o.Fill = policy.String(), p.config.Seed, fill(p.backbone.Mean)
	o.Draw = func(row int) (epoch, item int) { return k.pictures[row]/n + 1, k.pictures[row] % n }
	return o
}
