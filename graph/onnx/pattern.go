package onnx

import (
	"math"
	"slices"

	pb "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"

	"dtl-tf/graph/tensor"
)

// find is the node that computes a value, if it is of a kind and depends on the inputs. An unknown node has no inputs.
func (t *translator) find(value, kind string) (inputs []string, n *pb.NodeDef) {
	n = t.byName[value]
	if n == nil || n.Op != kind || t.constant[value] {
		return []string{"", ""}, nil
	}
	return n.Input, n
}

// number is the constant scalar at a value, NaN if there is none.
func (t *translator) number(value string) float64 {
	if v, ok := t.values[value]; ok && len(v.Float32()) == 1 && len(v.Shape) == 0 {
		return float64(v.Float32()[0])
	}
	return math.NaN()
}

// only is the number in a constant of one element on one axis, NaN if there is none.
func (t *translator) only(value string) float64 {
	if v, ok := t.values[value]; ok && slices.Equal(v.Shape, []int{1}) && len(v.Float32()) == 1 {
		return float64(v.Float32()[0])
	}
	return math.NaN()
}

// layerNorm makes LayerNormalization of the nodes of graph.Builder.LayerNorm, which end with an addition:
//
//	(x - mean(x)) * rsqrt(mean((x - mean(x))^2) + eps) * scale + bias
//
// Nodes in the middle that others read, as methods do, stay.
func (o op) layerNorm() bool {
	scaled, _ := o.find(o.arg(0), "Mul")
	normal, _ := o.find(scaled[0], "Mul")
	centred, _ := o.find(normal[0], "Sub")
	inverse, _ := o.find(normal[1], "Rsqrt")
	variance, _ := o.find(inverse[0], "BiasAdd")
	squares, averaged := o.find(variance[0], "Mean")
	deviation, _ := o.find(squares[0], "SquaredDifference")
	x, mean := centred[0], centred[1]
	ofX, averages := o.find(mean, "Mean")
	eps := o.only(variance[1])
	if averages == nil || averaged == nil || ofX[0] != x || !slices.Equal(deviation, centred) || math.IsNaN(eps) ||
		!o.overLast(averages, x) || !o.overLast(averaged, x) || !o.isVector(scaled[1]) || !o.isVector(o.arg(1)) {
		return false
	}
	o.becomes("LayerNormalization", []string{o.name(x), o.name(scaled[1]), o.in(1)},
		Attribute{"axis", int64(-1)}, Attribute{"epsilon", float32(eps)})
	return true
}

// overLast tells whether a reduction is over the last axis of x, and keeps it.
func (o op) overLast(reduction *pb.NodeDef, x string) bool {
	r := op{o.translator, reduction}
	if !r.known(1) || !r.flag("keep_dims") {
		return false
	}
	axes := r.numbers(1)
	return len(axes) == 1 && (axes[0] == -1 || int(axes[0]) == o.rank(x)-1)
}

// isVector tells whether a value is a constant of one axis.
func (o op) isVector(value string) bool {
	v, ok := o.values[value]
	return ok && len(v.Shape) == 1
}

// gelu writes the nodes of graph.Builder.GELU in the order that PyTorch's exporter gives them, which runtimes recognise:
//
//	x * (erf(x / sqrt(2)) + 1) * 0.5
func (o op) gelu() bool {
	halved, _ := o.find(o.arg(0), "Mul")
	shifted, _ := o.find(halved[0], "AddV2")
	erf, _ := o.find(shifted[0], "Erf")
	scaled, _ := o.find(erf[0], "Mul")
	x := o.arg(1)
	if scaled[0] != x || o.number(halved[1]) != 0.5 || o.number(shifted[1]) != 1 || float32(o.number(scaled[1])) != float32(math.Sqrt2/2) {
		return false
	}
	value := o.name(x)
	divided := o.add(o.part("divided"), "Div", []string{value, o.scalar(o.part("sqrt2"), math.Sqrt2)})
	phi := o.add(o.part("erf"), "Erf", []string{divided})
	shift := o.add(o.part("shifted"), "Add", []string{phi, o.name(shifted[1])})
	product := o.add(o.part("product"), "Mul", []string{value, shift})
	o.becomes("Mul", []string{product, o.name(halved[1])})
	return true
}

// turn multiplies complex numbers (a, b) with constants (c, d), as graph.Builder.RotaryAttention does:
//
//	(a c - b d, b c + a d) = (a, b) * (c, c) + (b, a) * (-d, d)
func (o op) turn() {
	for i := range 2 {
		cast, _ := o.find(o.arg(i), "Bitcast")
		table, ok := o.values[cast[0]]
		if !ok {
			continue
		}
		pairs := table.Float32()
		same, cross := make([]float32, len(pairs)), make([]float32, len(pairs))
		for k := 0; k < len(pairs); k += 2 {
			c, d := pairs[k], pairs[k+1]
			same[k], same[k+1] = c, c
			cross[k], cross[k+1] = -d, d
		}
		x := o.in(1 - i)
		straight := o.add(o.part("straight"), "Mul", []string{x, o.store(o.part("cos"), tensor.Must(same, table.Shape...))})
		swapped := o.add(o.part("swapped"), "Gather", []string{x, o.ints(o.part("swap"), 1, 0)}, Attribute{"axis", int64(-1)})
		crossed := o.add(o.part("crossed"), "Mul", []string{swapped, o.store(o.part("sin"), tensor.Must(cross, table.Shape...))})
		o.becomes("Add", []string{straight, crossed})
		return
	}
	o.fail("neither of two complex factors is constant")
}
