package prepare

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"dtl-tf/runner/prepare/pickle"
)

// maxNamesBytes is the largest list of class names in bytes.
const maxNamesBytes = 1 << 16

// read calls visit for each image of a batch of size bytes, with its row in the batch.
func (k cifarKind) read(r io.Reader, size int64, visit func(row, label int, planes []byte) error) error {
	classes := 100
	if k.dataset == "cifar10" {
		classes = 10
	}
	check := func(row, label int, planes []byte) error {
		if label < 0 || label >= classes {
			return fmt.Errorf("row %d has the label %d, %d classes have the labels 0 to %d", row, label, classes, classes-1)
		}
		if err := visit(row, label, planes); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		return nil
	}
	if k.binary {
		return k.readBinary(r, check)
	}
	return k.readPickle(r, size, check)
}

// readBinary reads records of a label byte, for CIFAR-100 two, and 3,072 bytes of pixels.
func (k cifarKind) readBinary(r io.Reader, visit func(row, label int, planes []byte) error) error {
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
		if err := visit(row, int(record[k.skip]), record[k.skip+1:]); err != nil {
			return err
		}
	}
}

// readPickle reads a dictionary with an array [N, 3072] of pixels and a list of N labels. All of it is in memory, 154 MB for the
// training images of CIFAR-100.
func (k cifarKind) readPickle(r io.Reader, size int64, visit func(row, label int, planes []byte) error) error {
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
			return fmt.Errorf("label %d is not a whole number", row)
		}
		if err := visit(row, n, pixels.Data[row*cifarImage:][:cifarImage]); err != nil {
			return err
		}
	}
	return nil
}

// classNames reads the names from a text file, a line each, or from the list in a pickle.
func (k cifarKind) classNames(r io.Reader, size int64) (names []string, err error) {
	if k.binary {
		text, err := io.ReadAll(io.LimitReader(r, maxNamesBytes))
		return strings.Fields(string(text)), err
	}
	v, err := pickle.Decode(r, size)
	if err != nil {
		return nil, err
	}
	meta, _ := v.(map[string]any)
	list, ok := meta[k.names].([]any)
	if !ok {
		return nil, fmt.Errorf("the pickle has no list %q", k.names)
	}
	for _, item := range list {
		name, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("%q has a name that is not a string", k.names)
		}
		names = append(names, name)
	}
	return names, nil
}
