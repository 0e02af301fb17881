package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestBackboneRefused: every command that reads a damaged backbone fails, names the file and what is wrong, and leaves no files
// behind.
func TestBackboneRefused(t *testing.T) {
	const scale, query = "Transformer/encoder_norm/scale", "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/query/kernel"
	good := read(t, fixture.backbone)
	npz := func(change func(m tensor.Map)) func(path string) error {
		return func(path string) error {
			m := maps.Clone(fixture.weights)
			change(m)
			return writeNPZ(path, m)
		}
	}
	raw := func(content []byte) func(path string) error {
		return func(path string) error { return os.WriteFile(path, content, 0o666) }
	}
	nan := tensor.Zeros(16)
	nan.Float32()[3] = float32(math.NaN())
	for _, c := range []struct {
		name, file string
		make       func(path string) error
		want       []string
	}{
		{"missing", "gone.npz", func(string) error { return nil }, []string{"does not exist"}},
		{"empty", "empty.npz", raw(nil), []string{"0 bytes"}},
		{"truncated", "cut.npz", raw(good[:len(good)/2]), []string{"truncated"}},
		{"cut at its end", "cut.npz", raw(good[:len(good)-1]), []string{"truncated"}},
		{"a page", "page.npz", raw([]byte("<html>404</html>")), []string{"neither a .npz nor a .safetensors"}},
		{"tensor missing", "lacks.npz", npz(func(m tensor.Map) { delete(m, scale) }), []string{scale}},
		{"wrong shape", "shape.npz", npz(func(m tensor.Map) { m[scale] = tensor.Zeros(17) }), []string{scale, "[17]", "[16]"}},
		{"wrong rank", "rank.npz", npz(func(m tensor.Map) { m[query] = tensor.Zeros(16, 16) }), []string{query, "[16 16]", "[16 2 8]"}},
		{"whole numbers", "type.npz", npz(func(m tensor.Map) { m[scale] = tensor.Must(make([]int64, 16), 16) }), []string{scale, "float"}},
		{"NaN", "nan.npz", npz(func(m tensor.Map) { m[scale] = nan }), []string{scale, "NaN", "[3]"}},
		{"Fortran order", "fortran.npz", raw(member(scale, "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 4), }", 64)), []string{scale, "Fortran", "ascontiguousarray"}},
		{"complex numbers", "complex.npz", raw(member(scale, "{'descr': '<c8', 'fortran_order': False, 'shape': (16,), }", 128)), []string{scale, "c8", "astype"}},
		{"an adapter", "adapter.safetensors", func(path string) error {
			return writeSafetensors(path, tensor.Map{"head.weight": tensor.Zeros(3, 16)}, nil)
		}, []string{"embedding/kernel"}},
		{"offsets beyond the end", "lies.safetensors", raw(header(`{"pos_embed":{"dtype":"F32","shape":[1,5,16],"data_offsets":[0,320000]}}`, 320)), []string{"pos_embed"}},
		{"offsets that overlap", "lies.safetensors", raw(header(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"pos_embed":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12)), []string{"pos_embed"}},
		{"offsets that do not fit the shape", "lies.safetensors", raw(header(`{"pos_embed":{"dtype":"F32","shape":[1,5,16],"data_offsets":[0,40]}}`, 40)), []string{"pos_embed", "[1 5 16]"}},
		{"a header as long as memory", "lies.safetensors", raw([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f{")), []string{"header"}},
		{"larger than memory", "huge.safetensors", func(path string) error { // sparse: 8 TiB that take no space
			text := `{"patch_embed.proj.weight":{"dtype":"F32","shape":[768,3,16,16],"data_offsets":[0,2359296]},"pos_embed":{"dtype":"F32","shape":[1,197,768],"data_offsets":[2359296,2964480]},"cls_token":{"dtype":"F32","shape":[1,1,768],"data_offsets":[2964480,2967552]},` +
				`"blocks.0.mlp.fc1.weight":{"dtype":"F32","shape":[3072,715827882],"data_offsets":[2967552,8796095981568]}}`
			if err := os.WriteFile(path, header(text, 0), 0o666); err != nil {
				return err
			}
			return os.Truncate(path, int64(8+len(text)+8796095981568))
		}, []string{"its 2199023995392 parameters take ", "are available"}},
		{"a LoRA adapter", "adapter_model.safetensors", func(path string) error {
			return writeSafetensors(path, tensor.Map{"base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight": tensor.Zeros(4, 16)}, nil)
		}, []string{"LoRA weights", "merge_and_unload"}},
		{"a pickle", "pytorch_model.bin", raw([]byte("\x80\x02}q\x00.")), []string{"Python pickle", "torch.load", "save_file"}},
		{"8-bit integers", "int8.safetensors", raw(header(`{"pos_embed":{"dtype":"I8","shape":[1,5,16],"data_offsets":[0,80]}}`, 80)), []string{"pos_embed", "I8", "quantised"}},
		{"a missing shard", "model.safetensors.index.json", raw([]byte(`{"weight_map": {"pos_embed": "model-00001-of-00001.safetensors"}}`)), []string{"1 of the 1 shards", "model-00001-of-00001.safetensors"}},
		{"a folder", "model", func(path string) error { return os.Mkdir(path, 0o777) }, []string{"neither weights nor a SavedModel", "saved_model.pb"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			expect.NoError(t, c.make(path))
			out := filepath.Join(dir, "run")
			for _, args := range [][]string{
				{"backbone", "inspect", path},
				{"backbone", "export", path, "--out", out},
				{"predict", "--backbone", path, fixture.data},
				{"eval", "--backbone", path, "--data", fixture.data},
				tune(out, "--backbone", path),
			} {
				o := cli(t, args...)
				o.want(t, exitFailed, append(c.want, path)...)
				if o.out != "" {
					t.Errorf("stdout: %s", o.out)
				}
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an output folder is left")
			}
		})
	}
}

// member is an .npz file of one array with an arbitrary header.
func member(name, header string, n int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name + ".npy")
	if err != nil {
		panic(err)
	}
	for len(header)%64 != 64-11 {
		header += " "
	}
	header += "\n"
	raw := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	if _, err := w.Write(append(append(raw, header...), make([]byte, n)...)); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// header is a .safetensors file with the given header and n bytes of data.
func header(text string, n int) []byte {
	raw := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	return append(raw, make([]byte, n)...)
}
