package backbone

import (
	"fmt"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Converter converts the tensors of a file from timm's names and layouts to a family's own: linear weights are [out, in] there
// and [in, out] here. After an error it goes on, to record all names in use; Done returns the first error.
type Converter struct {
	file *weight.File
	out  tensor.Map
	used map[string]bool // names requested so far
	err  error           // the first
}

// NewConverter returns a Converter for the tensors of a file.
func NewConverter(f *weight.File) *Converter {
	return &Converter{file: f, out: tensor.Map{}, used: map[string]bool{}}
}

// Done returns the converted weights. It fails if a tensor is missing, has another shape, or has no place in the architecture.
func (c *Converter) Done(a Architecture) (tensor.Map, error) {
	if err := checkPlaces(c.file, a, func(name string) bool { return c.used[name] }); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, c.err
	}
	return Check(c.file, c.out, a)
}

// Get returns a tensor of the given shape, or of any shape if none is given. It returns the zero Tensor after an error.
func (c *Converter) Get(name string, shape ...int) tensor.Tensor {
	c.used[name] = true
	if c.err != nil {
		return tensor.Tensor{}
	}
	t, err := c.file.Get(name, shape...)
	if err == nil && !t.IsFloat() {
		err = fmt.Errorf("%s: tensor %s does not hold floats", c.file.Path, c.file.Name(name))
	}
	if err != nil {
		c.err = err
		return tensor.Tensor{}
	}
	return t
}

// Put sets a weight to a converted tensor.
func (c *Converter) Put(to string, t tensor.Tensor) { c.out[to] = t }

// Copy takes a tensor over as it is.
func (c *Converter) Copy(from, to string, shape ...int) { c.out[to] = c.Get(from, shape...) }

// Norm takes weight and bias [d] of a LayerNorm over as scale and bias.
func (c *Converter) Norm(from, to string, d int) {
	c.Copy(from+".weight", to+"/scale", d)
	c.Copy(from+".bias", to+"/bias", d)
}

// Kernel converts a weight [out, in] to a kernel of the given shape, whose last axes are the outputs.
func (c *Converter) Kernel(from, to string, out, in int, kernel []int) {
	if t := c.Get(from, out, in); t.Data != nil {
		c.out[to] = tensor.Reshape(tensor.Transpose(t, out, in), kernel...)
	}
}

// Linear converts weight [out, in] and bias [out] to a kernel and bias of the given shapes.
func (c *Converter) Linear(from, to string, in int, kernel, bias []int) {
	out := tensor.Size(bias)
	c.Kernel(from+".weight", to+"/kernel", out, in, kernel)
	if t := c.Get(from+".bias", out); t.Data != nil {
		c.out[to+"/bias"] = tensor.Reshape(t, bias...)
	}
}

// QKV splits weight [3d, d] and bias [3d], whose rows are [q | k | v], each head-major, into kernels and biases of the given
// shapes.
func (c *Converter) QKV(from string, to [3]string, kernel, bias []int) {
	d := tensor.Size(bias)
	rows, all := c.Get(from+".weight", 3*d, d), c.Get(from+".bias", 3*d)
	if rows.Data == nil || all.Data == nil {
		return
	}
	for i, name := range to {
		c.out[name+"/kernel"] = tensor.Reshape(tensor.Transpose(tensor.Span(rows, i*d*d, d, d), d, d), kernel...)
		c.out[name+"/bias"] = tensor.Span(all, i*d, bias...).Clone()
	}
}

// PatchKernel converts a convolution [d, 3, p, p] to [p, p, 3, d].
func (c *Converter) PatchKernel(from, to string, p, d int) {
	if t := c.Get(from, d, 3, p, p); t.Data != nil {
		matrix := tensor.Transpose(tensor.Reshape(t, d*3, p*p), d*3, p*p) // [p*p, d*3]
		c.out[to] = tensor.SwapLast(matrix, p*p, d, 3, []int{p, p, 3, d}) // [p*p, 3, d]
	}
}
