package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/onnx"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
)

// ONNXInputs are the types of images that an ONNX model may take: bytes, and numbers in 0..1.
var ONNXInputs = []string{bytesInput, floatInput}

const bytesInput, floatInput = "uint8", "float"

// ONNXConfig is the configuration of ONNX. The Adapter of AdaptedConfig has no meaning.
type ONNXConfig struct {
	runner.AdaptedConfig
	Adapters     []string // as adapter.Find takes them
	Out          string   // a file .onnx
	Overwrite    bool
	Input        string // one of ONNXInputs
	ExternalData bool   // weights in a second file even if one can hold them
}

// ONNX writes a backbone with an adapter, or with those of several tasks, as an ONNX model in float32, and describes it on ui.Out.
func ONNX(ctx context.Context, c ONNXConfig, ui runner.UI) error {
	if err := c.check(); err != nil {
		return err
	}
	build := c.classifier
	if Several(c.Adapters) {
		build = c.tasks
	}
	source, description, err := build(ctx, ui)
	if err != nil {
		return err
	}
	model, err := onnx.Translate(source)
	if err != nil {
		return fmt.Errorf("writing ONNX: %w", err)
	}
	model.Producer, model.Version, model.Name = "dtl-tf", ui.Version, "classifier"
	if model.Metadata, err = metadata(description); err != nil {
		return err
	}
	model.Metadata["input"] = c.Input
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted, nothing was written: %w", err)
	}
	written, err := c.save(model, ui.Note)
	if err != nil {
		return err
	}
	return description.printONNX(ui.Out, written, c.Input)
}

// describedONNX describes what an ONNX model holds. Its JSON form is an object.
type describedONNX interface {
	printONNX(w io.Writer, written, input string) error
}

func (c ONNXConfig) check() error {
	if len(c.Adapters) == 0 || c.Adapters[0] == "" || c.Out == "" {
		return runner.Usagef("--adapter and --out are required")
	}
	if filepath.Ext(c.Out) != ".onnx" {
		return runner.Usagef("--out %s: an ONNX model is a file, give it the ending .onnx", c.Out)
	}
	if !slices.Contains(ONNXInputs, c.Input) {
		return runner.Unknown("input", c.Input, ONNXInputs)
	}
	if err := c.files().Restore(); err != nil {
		return fmt.Errorf("restoring the files of an earlier export: %w", err)
	}
	return c.free(c.Out)
}

// classifier is the graph of one adapter.
func (c ONNXConfig) classifier(ctx context.Context, ui runner.UI) (s onnx.Source, d describedONNX, err error) {
	if c.Adapter, err = OneAdapter(c.Adapters); err != nil {
		return s, nil, err
	}
	a, err := adapter.Open(ctx, c.AdaptedConfig, ui.Note)
	if err != nil {
		return s, nil, err
	}
	inFloat32(ui.Note, a)
	served, err := dtl.NewServed(a.Config, a.TestResize)
	if err != nil {
		return s, nil, err
	}
	bySigmoid(served.Builder, a, &served.Bytes, &served.Floats)
	serving := c.serving(served.Bytes, served.Floats)
	s = c.source(served.Builder, valuesOf(a), serving)
	s.Outputs = []onnx.Named{{Name: LogitsOutput, Value: serving.Logits}, {Name: probabilitiesOutput, Value: serving.Probabilities}}
	return s, describe(a, ui.Version), nil
}

// tasks is the graph of several adapters, with outputs for each.
func (c ONNXConfig) tasks(ctx context.Context, ui runner.UI) (s onnx.Source, _ describedONNX, err error) {
	files, err := adapter.Find(c.Adapters)
	if err != nil {
		return s, nil, err
	}
	for _, f := range files {
		if !usable.MatchString(f.Name) {
			return s, nil, runner.Usagef("the name %q of the adapter %s can't be part of an output's: choose another with --adapter NAME=FILE, of letters, digits and - _ .", f.Name, f.Path)
		}
	}
	adapted, err := adapter.OpenSeveral(ctx, c.AdaptedConfig, files, ui.Note)
	if err != nil {
		return s, nil, err
	}
	inFloat32(ui.Note, adapted...)
	config, tasks := adapter.Tasks(files, adapted)
	served, err := dtl.NewServedTasks(config, tasks, adapted[0].TestResize)
	if err != nil {
		return s, nil, err
	}
	for i, a := range adapted {
		bySigmoid(served.Builder, a, &served.Bytes[i], &served.Floats[i])
	}
	d := describeTasks(files, adapted, served.Sharing, ui.Version)
	s = c.source(served.Builder, served.Values(adapted[0].Backbone.Weights, tasks), c.serving(served.Bytes[0], served.Floats[0]))
	for i, t := range d.Tasks {
		serving := c.serving(served.Bytes[i], served.Floats[i])
		s.Outputs = append(s.Outputs, onnx.Named{Name: t.Logits(), Value: serving.Logits}, onnx.Named{Name: t.Probabilities(), Value: serving.Probabilities})
	}
	return s, d, nil
}

// inFloat32 makes models compute in float32: runtimes lack ops in bfloat16.
func inFloat32(note runner.NoteFunc, adapted ...*adapter.Adapted) {
	for _, a := range adapted {
		if p := a.Config.Precision; p != graph.FP32 {
			note("the adapter %s was trained in %s: the ONNX model computes in fp32, so its logits differ a little from those of predict", a.Adapter.Path, p)
			a.Config.Precision = graph.FP32
		}
	}
}

func (c ONNXConfig) serving(bytes, floats dtl.Serving) dtl.Serving {
	if c.Input == floatInput {
		return floats
	}
	return bytes
}

// source is the graph from images of the model's size on, so without a resize.
func (c ONNXConfig) source(b *graph.Builder, values tensor.Map, s dtl.Serving) onnx.Source {
	return onnx.Source{Builder: b, Values: values, Inputs: []onnx.Named{{Name: ImagesInput, Value: s.Fitted}}}
}

// metadata are the fields of a description, each as text or as JSON.
func metadata(description any) (map[string]string, error) {
	raw, err := json.Marshal(description)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[name] = text
	}
	return texts, nil
}

func (d Description) printONNX(w io.Writer, written, input string) error {
	_, err := fmt.Fprintf(w, "wrote %s (%s, %d classes)\n  %s -> %s, %s [%s, %d]\n", written, d.Method, d.Classes,
		takes(input, d.Image), LogitsOutput, probabilitiesOutput, onnx.Batch, d.Classes)
	return err
}

func (d TasksDescription) printONNX(w io.Writer, written, input string) error {
	_, err := fmt.Fprintf(w, "wrote %s (%d tasks: %d blocks run for an image instead of %d)\n  %s -> TASK_%s, TASK_%s of all tasks\n", written,
		len(d.Tasks), d.Sharing.Blocks(), d.Sharing.Apart(), takes(input, d.Image), LogitsOutput, probabilitiesOutput)
	for _, t := range d.Tasks {
		if err == nil {
			_, err = fmt.Fprintf(w, "  %s   [%s, %d] (%s)\n", t.Name, onnx.Batch, t.Classes, t.Method)
		}
	}
	return err
}

// takes describes the input.
func takes(input string, size int) string {
	text := fmt.Sprintf("%s %s [%s, %d, %d, 3]", ImagesInput, input, onnx.Batch, size, size)
	if input == floatInput {
		text += " in 0..1"
	}
	return text
}
