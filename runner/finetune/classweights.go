package finetune

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
)

// ClassWeightsBalanced is what --class-weights accepts besides a file.
const ClassWeightsBalanced = "balanced"

// classWeights returns the weights of the classes by label, nil without --class-weights.
func (d *dataset) classWeights(from string) ([]float32, error) {
	switch from {
	case "":
		return nil, nil
	case ClassWeightsBalanced:
		return d.balanced()
	}
	weights, err := d.readWeights(from)
	if err != nil {
		return nil, fmt.Errorf("--class-weights: %w", err)
	}
	return weights, nil
}

// balanced is scikit-learn's compute_class_weight("balanced"): N / (C n_c) for n_c of N training images of one of C classes.
func (d *dataset) balanced() ([]float32, error) {
	counts := make([]int, d.classes)
	for i, item := range d.items {
		if d.broken[i] == nil {
			counts[item.Label]++
		}
	}
	images := len(d.items) - len(d.broken)
	weights := make([]float32, d.classes)
	var without []string
	for label, n := range counts {
		if n == 0 {
			without = append(without, d.className(label))
			continue
		}
		weights[label] = float32(float64(images) / (float64(d.classes) * float64(n)))
	}
	if len(without) > 0 {
		return nil, runner.Usagef("--class-weights balanced is not possible: %d of %d classes have no training image: %s", len(without), d.classes, spell.Few(without, 3))
	}
	return weights, nil
}

// className is the name of a class of the classifier, or its number.
func (d *dataset) className(label int) string {
	if label < len(d.classNames) {
		return d.classNames[label]
	}
	return strconv.Itoa(label)
}

// readWeights reads lines CLASS,WEIGHT, one for each class. The first may be the header class,weight.
func (d *dataset) readWeights(path string) ([]float32, error) {
	raw, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	reader.FieldsPerRecord = 2
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: want lines CLASS,WEIGHT: %w", path, err)
	}
	if len(records) > 0 && strings.EqualFold(strings.TrimSpace(records[0][0]), "class") && strings.EqualFold(strings.TrimSpace(records[0][1]), "weight") {
		records = records[1:]
	}
	labels := map[string]int{}
	for label := range d.classes {
		labels[d.className(label)] = label
	}
	weights, given := make([]float32, d.classes), map[string]bool{}
	for _, record := range records {
		name := record[0]
		label, known := labels[name]
		w, err := strconv.ParseFloat(strings.TrimSpace(record[1]), 32)
		switch {
		case !known:
			return nil, fmt.Errorf("%s: there is no class %q among %s", path, name, spell.Few(d.names(), 5))
		case given[name]:
			return nil, fmt.Errorf("%s: the class %q has two weights", path, name)
		case err != nil || !(w > 0) || math.IsInf(w, 0):
			return nil, fmt.Errorf("%s: the weight of the class %q is %q, not a number above 0", path, name, record[1])
		}
		weights[label], given[name] = float32(w), true
	}
	var without []string
	for _, name := range d.names() {
		if !given[name] {
			without = append(without, name)
		}
	}
	if len(without) > 0 {
		return nil, fmt.Errorf("%s: %d of %d classes have no weight: %s", path, len(without), d.classes, spell.Few(without, 3))
	}
	return weights, nil
}

// names are the names of all classes, or their numbers.
func (d *dataset) names() []string {
	names := make([]string, d.classes)
	for label := range names {
		names[label] = d.className(label)
	}
	return names
}
