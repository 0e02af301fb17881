// Package augment changes training images at random, as timm's transforms do.
//
// A [Policy] lists the augmentations of a run. They always happen in timm's order: crop, flip, RandAugment and erasing for each
// image ([Policy.Crop], [Policy.Apply]), then the mixing of a batch ([Policy.Mix]) and its targets ([Policy.Targets]). The arithmetic
// of the operations is Pillow's, bit for bit. Random numbers come from a generator that the caller seeds, so they are not timm's,
// but their distributions are.
package augment
