package finetune

import (
	"fmt"
	"math"

	"dtl-tf/runner"
	"dtl-tf/runner/data/augment"
)

// augmentation is the parsed Augment, which Check has checked.
func (c Config) augmentation() augment.Policy {
	p, err := augment.Parse(c.Augment)
	if err != nil {
		panic("finetune: settings were not checked: " + err.Error())
	}
	return p
}

// checkAugmentation validates the settings of augmentation.
func (c Config) checkAugmentation() error {
	p, err := augment.Parse(c.Augment)
	switch {
	case err != nil:
		return runner.Usagef("--augment: %w", err)
	case c.Views == 0:
		return nil
	case p.Mixes():
		return runner.Usagef("--views and mixup or cutmix contradict each other: every batch mixes other pictures")
	case !p.ChangesImages():
		return runner.Usagef("--views %d needs an --augment that changes images, such as flip: with %s each image has one picture", c.Views, p)
	case c.Views > c.Epochs:
		return runner.Usagef("--views %d is more than the %d --epochs: there is one for each epoch at most", c.Views, c.Epochs)
	}
	return nil
}

// fill is the mean colour in bytes, rounded as timm does: pixels from outside of an image are zero after normalisation.
func fill(mean [3]float64) (colour [3]uint8) {
	for i, v := range mean {
		colour[i] = uint8(max(0, min(255, math.RoundToEven(255*v))))
	}
	return colour
}

// settleTestCrop fills in and checks the crop of test images, which must have the size of the backbone's.
func (c *Config) settleTestCrop(size int) error {
	switch {
	case c.TestResize == 0 && c.TestCrop == 0:
		return nil
	case c.TestResize == 0:
		return runner.Usagef("--test-crop %d needs --test-resize: name the size to which images are scaled before", c.TestCrop)
	case c.TestCrop != 0 && c.TestCrop != size:
		return runner.Usagef("--test-crop %d is not possible: the backbone takes images of %d pixels (--image-size)", c.TestCrop, size)
	case c.TestResize < size:
		return runner.Usagef("--test-resize %d is not possible: it must be at least %d, the size of the backbone's images", c.TestResize, size)
	}
	c.TestCrop = size
	return nil
}

// fittingBatch is the number of images in a step: all that can be read, with a note, if they are fewer than a batch.
func (c Config) fittingBatch(images int) (batch int, note string, err error) {
	if images >= c.Batch || images == 0 {
		return c.Batch, "", nil
	}
	note = fmt.Sprintf("--batch %d: there are %d images, which are one batch", c.Batch, images)
	c.Batch = images
	return images, note, c.StepConfig.Check()
}
