package prepare

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"dtl-tf/runner/internal/tfrecord"
)

// stored returns a label in the record.
func stored(name string) func(tfrecord.Example) (int, error) {
	return func(e tfrecord.Example) (int, error) {
		label, err := e.Int(name)
		if err == nil && (label < 0 || label > math.MaxInt32) {
			err = fmt.Errorf("feature %q is %d, which is no class", name, label)
		}
		return int(label), err
	}
}

// binned divides the values of a stored label into classes of equal width.
func binned(name string, values, classes int) func(tfrecord.Example) (int, error) {
	return func(e tfrecord.Example) (int, error) {
		v, err := stored(name)(e)
		if err == nil && v >= values {
			err = fmt.Errorf("feature %q is %d, want less than %d", name, v, values)
		}
		return v * classes / values, err
	}
}

// countAll labels clevr_count: the number of objects, 3 to 10, minus 3.
func countAll(e tfrecord.Example) (int, error) {
	points, err := triples(e, "objects/pixel_coords")
	if err != nil {
		return 0, err
	}
	return countLabel(len(points))
}

// countLabel labels a number of objects.
func countLabel(objects int) (int, error) {
	if objects < 3 || objects > 10 {
		return 0, fmt.Errorf("there are %d objects, want 3 to 10", objects)
	}
	return objects - 3, nil
}

// The limits between the classes of clevr_dist, and between those of kitti in metres.
var (
	objectLimits  = []float32{8, 8.5, 9, 9.5, 10}
	vehicleLimits = []float32{8, 20, 999}
)

// noVehicle is the distance that stands for no vehicle.
const noVehicle float32 = 1000

// closestObject labels clevr_dist: how many of five limits the distance of the nearest object exceeds.
func closestObject(e tfrecord.Example) (int, error) {
	points, err := triples(e, "objects/pixel_coords")
	if err != nil {
		return 0, err
	}
	if len(points) == 0 {
		return 0, errors.New("there are no objects, so that none is the closest")
	}
	nearest := float32(math.Inf(1))
	for _, p := range points {
		nearest = min(nearest, p[2])
	}
	return above(nearest, objectLimits...)
}

// closestVehicle labels kitti: how many of three limits, in metres, the distance of the nearest car, van or truck (the types 0, 1
// and 2) exceeds. Without a vehicle it is class 3.
func closestVehicle(e tfrecord.Example) (int, error) {
	types, err := e.Ints("objects/type")
	if err != nil {
		return 0, err
	}
	places, err := triples(e, "objects/location")
	if err != nil {
		return 0, err
	}
	if len(types) != len(places) {
		return 0, fmt.Errorf("there are %d types of objects and %d locations", len(types), len(places))
	}
	nearest := noVehicle
	for i, p := range places {
		if types[i] < 3 {
			nearest = min(nearest, p[2])
		}
	}
	return above(nearest, vehicleLimits...)
}

// above counts the limits below v.
func above(v float32, limits ...float32) (int, error) {
	if math.IsNaN(float64(v)) {
		return 0, errors.New("a distance is not a number")
	}
	class := 0
	for _, limit := range limits {
		if limit < v {
			class++
		}
	}
	return class, nil
}

// triples returns a feature of three numbers per object.
func triples(e tfrecord.Example, name string) ([][3]float32, error) {
	flat, err := e.Floats(name)
	if err != nil {
		return nil, err
	}
	if len(flat)%3 != 0 {
		return nil, fmt.Errorf("feature %q holds %d numbers, not three for each object", name, len(flat))
	}
	points := make([][3]float32, len(flat)/3)
	for i := range points {
		points[i] = [3]float32(flat[3*i:])
	}
	return points, nil
}

// text returns a key in the record.
func text(name string) keyFunc {
	return func(e tfrecord.Example) (string, error) {
		b, err := e.Bytes(name)
		return string(b), err
	}
}

// classText returns the key of eurosat and resisc45: the class, with which the file name begins, and the file name.
func classText(name string) keyFunc {
	return func(e tfrecord.Example) (string, error) {
		file, err := text(name)(e)
		if err != nil {
			return "", err
		}
		file = path.Base(file)
		end := strings.LastIndexByte(file, '_')
		if end < 0 {
			return "", fmt.Errorf("feature %q is %.80q, want CLASS_NUMBER.jpg", name, file)
		}
		return file[:end] + "_" + file, nil
	}
}
