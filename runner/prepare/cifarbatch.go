package prepare

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"dtl-tf/runner/prepare/pickle"
)

// read calls image for each image of a batch, which is of size bytes, with the image's row in the batch.
func (k cifarKind) read(r io.Reader, size int64, image func(row, label int, planes []byte) error) error {
	if k.binary {
		return k.readBinary(r, image)
	}
	return k.readPickle(r, size, image)
}

// readBinary: records of a label byte, for CIFAR-100 two, and 3,072 bytes of pixels.
func (k cifarKind) readBinary(r io.Reader, image func(row, label int, planes []byte) error) error {
	b := bufio.NewReaderSize(r, 1<<16)
	record := make([]byte, k.skip+1+cifarImage)
	for row := 0; ; row++ {
		_, err := io.ReadFull(b, record)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("record %d is cut off: the file is not complete: %w", row, err)
		case err != nil:
			return err
		}
		if err := k.call(row, int(record[k.skip]), record[k.skip+1:], image); err != nil {
			return err
		}
	}
}

// readPickle: a dictionary with an array [N, 3072] of pixels and a list of N labels. It is in memory as a whole, 154 MB for
// the training images of CIFAR-100.
func (k cifarKind) readPickle(r io.Reader, size int64, image func(row, label int, planes []byte) error) error {
	v, err := pickle.Decode(r, size)
	if err != nil {
		return err
	}
	batch, _ := v.(map[string]any)
	pixels, ok := batch["data"].(*pickle.Array)
	if !ok || len(pixels.Shape) != 2 || pixels.Shape[1] != cifarImage {
		return fmt.Errorf("the pickle has no array \"data\" of shape [N, %d]", cifarImage)
	}
	labels, ok := batch[k.labels].([]any)
	if !ok || len(labels) != pixels.Shape[0] {
		return fmt.Errorf("the pickle has no list %q of %d labels, one for each image", k.labels, pixels.Shape[0])
	}
	for row, label := range labels {
		n, ok := label.(int)
		if !ok {
			return fmt.Errorf("label %d is no whole number", row)
		}
		if err := k.call(row, n, pixels.Data[row*cifarImage:][:cifarImage], image); err != nil {
			return err
		}
	}
	return nil
}

func (k cifarKind) call(row, label int, planes []byte, image func(row, label int, planes []byte) error) error {
	if classes := k.classes(); label < 0 || label >= classes {
		return fmt.Errorf("row %d has the label %d, %d classes have the labels 0 to %d", row, label, classes, classes-1)
	}
	if err := image(row, label, planes); err != nil {
		return fmt.Errorf("row %d: %w", row, err)
	}
	return nil
}

func (k cifarKind) classes() int {
	if k.dataset == "cifar10" {
		return 10
	}
	return 100
}

// classNames reads the names from a text file of a line each, or from the list in a pickle.
func (k cifarKind) classNames(r io.Reader, size int64) ([]string, error) {
	if k.binary {
		const most = 1 << 16
		text, err := io.ReadAll(io.LimitReader(r, most))
		return strings.Fields(string(text)), err
	}
	v, err := pickle.Decode(r, size)
	if err != nil {
		return nil, err
	}
	key := "label_names"
	if k.dataset == "cifar100" {
		key = "fine_label_names"
	}
	meta, _ := v.(map[string]any)
	list, ok := meta[key].([]any)
	if !ok {
		return nil, fmt.Errorf("the pickle has no list %q", key)
	}
	var names []string
	for _, item := range list {
		name, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("%q holds a name that is no string", key)
		}
		names = append(names, name)
	}
	return names, nil
}
