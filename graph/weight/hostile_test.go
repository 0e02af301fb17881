package weight

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// st is a .safetensors file with the given header and n bytes of data.
func st(header string, n int) []byte {
	raw := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	return append(raw, make([]byte, n)...)
}

// npy is a .npy array with the given header and n bytes of data.
func npy(header string, n int) []byte {
	raw := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(raw, header...), make([]byte, n)...)
}

// archive is a zip file with one member, whose directory entry change may falsify.
func archive(name string, data []byte, method uint16, change func(*zip.FileHeader)) []byte {
	var plain, out bytes.Buffer
	z := zip.NewWriter(&plain)
	w, _ := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	w.Write(data)
	z.Close()
	r, _ := zip.NewReader(bytes.NewReader(plain.Bytes()), int64(plain.Len()))
	h := r.File[0].FileHeader
	h.Flags &^= 8 // sizes precede the data
	raw, _ := r.File[0].OpenRaw()
	packed := new(bytes.Buffer)
	packed.ReadFrom(raw)
	if change != nil {
		change(&h)
	}
	z = zip.NewWriter(&out)
	w, _ = z.CreateRaw(&h)
	w.Write(packed.Bytes())
	z.Close()
	return out.Bytes()
}

func stored(name, header string, n int) []byte {
	return archive(name, npy(header, n), zip.Store, nil)
}

func read(t testing.TB, name string) []byte {
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// flip inverts the bits of one byte.
func flip(raw []byte, at int) []byte {
	raw = bytes.Clone(raw)
	raw[at] ^= 0xff
	return raw
}

const float23 = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"

func TestRefuses(t *testing.T) {
	plain, safe := read(t, "plain.npz"), read(t, "float32.safetensors")
	two := `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[%d,%d]}}`
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"a":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	deep := strings.Repeat("[", 1<<16)
	bomb := make([]byte, 1<<22)
	cases := []struct {
		name string
		raw  []byte
		says []string
	}{
		{"empty.npz", nil, []string{"empty (0 bytes)"}},
		{"text.npz", []byte("hello, this is a text file"), []string{"neither", "hello"}},
		{"lfs.npz", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00"), []string{"git lfs pull"}},
		{"pickle.pth", []byte("\x80\x02ctorch"), []string{"pickle", "safetensors.torch.save_file"}},
		{"torch.pth", archive("x/data.pkl", []byte("\x80\x02"), zip.Store, nil), []string{"PyTorch", "save_file"}},
		{"torchscript2.pt", archiveOf("x/data.pkl", "x/code/__torch__.py"), []string{"TorchScript"}},
		{"torchscript.pt", archive("x/code/__torch__.py", nil, zip.Store, nil), []string{"TorchScript", "torch.jit.load"}},
		{"pickle4.bin", []byte("\x80\x04\x95\x1a\x00"), []string{"pickle", "torch.load"}},
		{"keras.keras", archive("model.weights.h5", []byte("\x89HDF"), zip.Store, nil), []string{"Keras"}},
		{"page.safetensors", []byte("\n<!doctype HTML><html><body>Sign in</body></html>"), []string{"web page (HTML)", "download the file again"}},
		{"xml.safetensors", []byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`), []string{"web page"}},
		{"answer.safetensors", []byte(`{"error": "Repository not found"}`), []string{"JSON", "holds no weights"}},
		{"config.json", []byte(`{"model_type": "vit"}`), []string{"JSON", "the folder"}},
		{"model.onnx", []byte("\x08\x0a\x12\x07pytorch\x1a\x05"), []string{"ONNX"}},
		{"renamed.safetensors", []byte("\x08\x08\x12\x07pytorch\x1a\x05"), []string{"ONNX"}},
		{"model.gguf", []byte("GGUF\x03\x00\x00\x00\x10\x00\x00\x00"), []string{"GGUF", "llama.cpp"}},
		{"model.h5", []byte("\x89HDF\r\n\x1a\n\x00\x00"), []string{"HDF5", "Keras"}},
		{"model.tflite", []byte("\x1c\x00\x00\x00TFL3\x00\x00"), []string{"TensorFlow Lite"}},
		{"model.ckpt.index", append(bytes.Repeat([]byte{0, 1}, 40), "\x57\xfb\x80\x8b\x24\x75\x47\xdb"...), []string{"TensorFlow checkpoint"}},
		{"model.ckpt.data-00000-of-00001", bytes.Repeat([]byte{0, 1}, 40), []string{"TensorFlow checkpoint"}},
		{"saved_model.pb", []byte("\x08\x01\x12\x80"), []string{"SavedModel", "name its folder"}},
		{"flax_model.msgpack", []byte("\x81\xa6params\x84\xa3cls"), []string{"msgpack", "Flax"}},
		{"flax.npz", []byte("\xde\x00\x10\xa3cls\xc7"), []string{"msgpack", "Flax"}},
		{"model.safetensors.gz", []byte("\x1f\x8b\x08\x00"), []string{"compressed", "unpack"}},
		{"model.tar", append(append(make([]byte, 257), "ustar"...), make([]byte, 200)...), []string{"tar archive"}},
		{"single.npz", npy(float23, 24), []string{"single array", "numpy.savez"}},
		{"short.safetensors", []byte("\x01\x00"), []string{"truncated"}},

		{"cut1.npz", plain[:len(plain)-10], []string{"truncated"}},
		{"cut2.npz", plain[:len(plain)/2], []string{"truncated"}},
		{"none.npz", []byte("PK\x05\x06" + strings.Repeat("\x00", 18)), []string{"no arrays"}},
		{"member.npz", archive("readme.txt", []byte("hi"), zip.Store, nil), []string{"readme.txt", "not a .npy array"}},
		{"flip.npz", flip(plain, bytes.Index(plain, []byte("\x93NUMPY"))+128), []string{`"matrix"`, "checksum"}},
		{"magic.npz", archive("a.npy", []byte("not an array at all"), zip.Store, nil), []string{`"a"`, "not a .npy array"}},
		{"tiny.npz", archive("a.npy", []byte("\x93NUM"), zip.Store, nil), []string{`"a"`, "damaged"}},
		{"version.npz", archive("a.npy", []byte("\x93NUMPY\x09\x00\x10\x00"), zip.Store, nil), []string{`"a"`, "version 9.0"}},
		{"longheader.npz", archive("a.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), zip.Store, nil), []string{`"a"`, "4294967295"}},
		{"cutheader.npz", archive("a.npy", npy(float23, 0)[:40], zip.Store, nil), []string{`"a"`, "damaged"}},
		{"short.npz", stored("a.npy", float23, 20), []string{`"a"`, "takes 24 bytes", "has 20"}},
		{"long.npz", stored("a.npy", float23, 28), []string{`"a"`, "takes 24 bytes", "has 28"}},
		{"tera.npz", stored("a.npy", strings.Replace(float23, "(2, 3)", "(1099511627776, 4)", 1), 24), []string{`"a"`, "17592186044416 bytes"}},
		{"overflow.npz", stored("a.npy", strings.Replace(float23, "(2, 3)", "(4294967296, 4294967296)", 1), 24), []string{`"a"`, "not possible"}},
		{"bigger.npz", stored("a.npy", strings.Replace(float23, "2", "99999999999999999999", 1), 24), []string{`"a"`, "a dimension"}},
		{"negative.npz", stored("a.npy", strings.Replace(float23, "2", "-2", 1), 24), []string{`"a"`, "a dimension"}},
		{"axes.npz", stored("a.npy", strings.Replace(float23, "2, 3", strings.Repeat("1,", 70), 1), 4), []string{`"a"`, "70 dimensions"}},
		{"nodict.npz", stored("a.npy", "import os", 24), []string{`"a"`, "wanted {"}},
		{"nokeys.npz", stored("a.npy", "{}", 24), []string{`"a"`, "must have descr"}},
		{"noend.npz", stored("a.npy", float23[:len(float23)-4], 24), []string{`"a"`, "makes no sense"}},
		{"twice.npz", stored("a.npy", strings.Replace(float23, "{", "{'descr': '<f4', ", 1), 24), []string{`"a"`, `"descr" is there twice`}},
		{"more.npz", stored("a.npy", float23+"x", 24), []string{`"a"`, "wanted the end"}},
		{"order.npz", stored("a.npy", strings.Replace(float23, "False", "Perhaps", 1), 24), []string{`"a"`, "True or False"}},
		{"complex.npz", stored("a.npy", strings.Replace(float23, "<f4", "<c8", 1), 48), []string{`"a"`, "<c8", "astype"}},
		{"zipsize.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) {
			h.CompressedSize64, h.UncompressedSize64 = 1<<40, 1<<40
		}), []string{`"a"`, "more than the file has"}},
		{"zipratio.npz", archive("a.npy", npy(float23, 24), zip.Deflate, func(h *zip.FileHeader) {
			h.UncompressedSize64 = 1 << 40
		}), []string{`"a"`, "claims 1099511627776 bytes"}},
		{"zipboth.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) { h.UncompressedSize64++ }), []string{`"a"`, "claims"}},
		{"zipmore.npz", archive("a.npy", npy(float23, 99), zip.Deflate, func(h *zip.FileHeader) {
			h.UncompressedSize64 -= 75
		}), []string{`"a"`, "more data than"}},
		{"zipless.npz", archive("a.npy", npy(strings.Replace(float23, "2", "20", 1), 24), zip.Deflate, func(h *zip.FileHeader) {
			h.UncompressedSize64 += 216
		}), []string{`"a"`, "damaged"}},
		{"bomb.npz", archive("a.npy", append(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8000000,)}", 0), bomb...), zip.Deflate, func(h *zip.FileHeader) {
			h.UncompressedSize64 = uint64(len(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8000000,)}", 0))) + 8000000
			h.CompressedSize64 = min(h.CompressedSize64, 9000)
		}), []string{`"a"`}},
		{"zipcrc.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) { h.CRC32 = 0 }), []string{`"a"`, "checksum"}},
		{"zipmethod.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) { h.Method = 14 }), []string{`"a"`, "zip method 14"}},
		{"zipcrypt.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) { h.Flags |= 1 }), []string{`"a"`, "encrypted"}},
		{"garbage.npz", archive("a.npy", npy(float23, 24), zip.Store, func(h *zip.FileHeader) { h.Method = zip.Deflate }), []string{`"a"`, "damaged"}},
		{"duplicate.npz", archiveOf("a.npy", "a.npy"), []string{`"a" is there twice`}},

		{"fortran.npz", read(t, "fortran.npz"), []string{`"columns"`, "[3 2]", "Fortran order", "numpy.ascontiguousarray(x)"}},
		{"bigendian.npz", read(t, "bigendian.npz"), []string{`"swapped"`, "big-endian", "astype"}},
		{"object.npz", read(t, "object.npz"), []string{`"things"`, "Python objects"}},
		{"structured.npz", read(t, "structured.npz"), []string{`"record"`, "structured", "('y', '<i4')"}},
		{"bfloat16.npz", read(t, "bfloat16.npz"), []string{`"short"`, "bfloat16", "astype"}},

		{"cut1.safetensors", safe[:len(safe)-1], []string{`"scalar"`, "truncated"}},
		{"cut2.safetensors", safe[:20], []string{"352 bytes", "the file has 20", "truncated"}},
		{"more.safetensors", append(bytes.Clone(safe), 0), []string{"1 bytes after", `"scalar"`}},
		{"huge.safetensors", append(bytes.Repeat([]byte{0xff}, 8), "{}"...), []string{"18446744073709551615 bytes"}},
		{"limit.safetensors", append([]byte{0, 0, 0, 0, 1, 0, 0, 0}, "{}"...), []string{"4294967296 bytes"}},
		{"empty.safetensors", st("{}", 0), []string{"no tensors"}},
		{"meta.safetensors", st(`{"__metadata__":{"a":"b"}}`, 0), []string{"no tensors"}},
		{"badmeta.safetensors", st(`{"__metadata__":{"a":1}}`, 0), []string{"__metadata__", `"a"`, "wanted a string"}},
		{"twometa.safetensors", st(`{"__metadata__":{},"__metadata__":{}}`, 0), []string{"twice"}},
		{"json.safetensors", st(`{"a":`, 8), []string{"cannot be read"}},
		{"utf8.safetensors", st("{\"\xff\":1}", 8), []string{"UTF-8"}},
		{"after.safetensors", st(one(`"F32"`, "[2]", "[0,8]")+"{}", 8), []string{"follows"}},
		{"deep.safetensors", st(`{"a":{"x":`+deep, 8), []string{`"a"`}},
		{"list.safetensors", st(`{"a":[1]}`, 8), []string{`"a"`, "wanted {"}},
		{"missing.safetensors", st(`{"a":{"dtype":"F32","shape":[2]}}`, 8), []string{`"a"`, "must have"}},
		{"case.safetensors", st(`{"a":{"DTYPE":"F32","shape":[2],"data_offsets":[0,8]}}`, 8), []string{`"a"`, "must have"}},
		{"null.safetensors", st(one(`"F32"`, "null", "[0,8]"), 8), []string{`"a"`, `"shape"`}},
		{"null2.safetensors", st(one(`"F32"`, "[null]", "[0,8]"), 8), []string{`"a"`, "whole number"}},
		{"fraction.safetensors", st(one(`"F32"`, "[1.5]", "[0,8]"), 8), []string{`"a"`, "1.5"}},
		{"negative.safetensors", st(one(`"F32"`, "[-2]", "[0,8]"), 8), []string{`"a"`, "-2"}},
		{"quoted.safetensors", st(one(`"F32"`, `["2"]`, "[0,8]"), 8), []string{`"a"`, "whole number"}},
		{"three.safetensors", st(one(`"F32"`, "[2]", "[0,8,9]"), 8), []string{`"a"`, "two data_offsets"}},
		{"type.safetensors", st(one("7", "[2]", "[0,8]"), 8), []string{`"a"`, `"dtype"`, "wanted a string"}},
		{"f8.safetensors", st(one(`"F8_E4M3"`, "[2]", "[0,2]"), 2), []string{`"a"`, "F8_E4M3", "8-bit float", "quantised", "float32, float16 or bfloat16 file"}},
		{"i8.safetensors", st(one(`"I8"`, "[2]", "[0,2]"), 2), []string{`"a"`, `"I8"`, "8-bit integers", "quantised"}},
		{"f4.safetensors", st(one(`"F4"`, "[2]", "[0,1]"), 1), []string{`"a"`, `"F4"`, "quantised"}},
		{"u16.safetensors", st(one(`"U16"`, "[2]", "[0,4]"), 4), []string{`"a"`, `"U16", this program reads`}},
		{"back.safetensors", st(one(`"F32"`, "[2]", "[8,0]"), 8), []string{`"a"`, "offsets are 8 to 0"}},
		{"size.safetensors", st(one(`"F32"`, "[3]", "[0,8]"), 8), []string{`"a"`, "takes 12 bytes"}},
		{"tera.safetensors", st(one(`"F32"`, "[1099511627776]", "[0,4398046511104]"), 8), []string{`"a"`, "4398046511104", "truncated"}},
		{"overflow.safetensors", st(one(`"F32"`, "[4294967296,4294967296]", "[0,0]"), 8), []string{`"a"`, "not possible"}},
		{"overflow2.safetensors", st(one(`"F32"`, "[4611686018427387904]", "[0,0]"), 8), []string{`"a"`, "not possible"}},
		{"beyond.safetensors", st(one(`"F32"`, "[99999999999999999999]", "[0,0]"), 8), []string{`"a"`, "whole number"}},
		{"axes.safetensors", st(one(`"F32"`, "["+strings.Repeat("1,", 64)+"1]", "[0,4]"), 4), []string{`"a"`, "64"}},
		{"overlap.safetensors", st(fmt.Sprintf(two, 4, 12), 12), []string{`"b"`, "overlaps", `"a"`}},
		{"same.safetensors", st(fmt.Sprintf(two, 0, 8), 8), []string{`"b"`, "overlaps"}},
		{"gap.safetensors", st(fmt.Sprintf(two, 12, 20), 20), []string{`"b"`, "4 bytes before"}},
		{"outside.safetensors", st(fmt.Sprintf(two, 8, 16), 12), []string{`"b"`, "truncated"}},
		{"twice.safetensors", st(strings.ReplaceAll(fmt.Sprintf(two, 8, 16), `"b"`, `"a"`), 16), []string{`"a" is there twice`}},
		{"twokeys.safetensors", st(`{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}`, 8), []string{`"a"`, `"dtype" is there twice`}},
	}
	folder := t.TempDir()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(folder, c.name)
			if err := os.WriteFile(path, c.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Outline(path); err != nil { // the outline refuses no other files
				expect.Error(t, err, append(c.says, path)...)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Open(path)
			runtime.ReadMemStats(&after)
			expect.Error(t, err, append(c.says, path)...)
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			// Buffers, deflate's window and the checksum's block take about 2 MiB.
			if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
				t.Errorf("%d bytes of memory for a file of %d bytes", took, len(c.raw))
			}
		})
	}
}

// archiveOf is an archive with an array under each name.
func archiveOf(names ...string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range names {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: name})
		w.Write(npy(float23, 24))
	}
	z.Close()
	return out.Bytes()
}

func TestRefusesWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(folder)
	expect.Error(t, err, folder, "is a directory")
	missing := filepath.Join(folder, "missing.npz")
	_, err = Open(missing)
	expect.Error(t, err, missing, "does not exist")
	if !os.IsNotExist(unwrap(err)) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
	if _, err := os.Stat(os.DevNull); err == nil {
		_, err = Open(os.DevNull)
		expect.Error(t, err, os.DevNull, "not a regular file")
	}
}

func unwrap(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = u.Unwrap()
	}
}

// TestRefusesEveryCut checks that a file truncated at any byte is refused, never read as a smaller one.
func TestRefusesEveryCut(t *testing.T) {
	for _, name := range []string{"versions.npz", "deflated.npz", "narrow.safetensors"} {
		raw := read(t, name)
		for n := 1; n < len(raw); n++ {
			var err error
			if r := bytes.NewReader(raw[:n]); filepath.Ext(name) == ".npz" {
				_, err = readNPZ(t.Context(), r, int64(n))
			} else {
				_, _, err = readSafetensors(t.Context(), r, int64(n))
			}
			if err == nil {
				t.Fatalf("%s cut to %d of %d bytes was read", name, n, len(raw))
			}
		}
	}
}
