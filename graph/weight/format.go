package weight

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// headLength is the number of bytes at the beginning of a file by which its format is recognised.
const headLength = 512

// convertHint is a command that converts a PyTorch checkpoint.
const convertHint = `: python3 -c "import sys, torch, safetensors.torch as s; d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); ` +
	`d = d.get('model', d.get('state_dict', d)); s.save_file({k: v.clone().contiguous() for k, v in d.items() if torch.is_tensor(v)}, sys.argv[2])" OLD.pth NEW.safetensors`

// foreign is a format that this program does not read.
type foreign struct {
	is     func(head, tail []byte, name string) bool // by the first and the last bytes, and the file's name in lower case
	advice string
}

// foreigners are the formats in which weights are published or downloaded by mistake, the most certain first.
var foreigners = []foreign{
	{begins("version https://git-lfs"), "this is a Git LFS pointer and not the file that it stands for: get that with git lfs pull"},
	{begins("\x93NUMPY"), "this is a single array (.npy): save a set of named arrays with numpy.savez"},
	{begins("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"), "this is a Python pickle (.pth, .pt, .bin): save its tensors with safetensors.torch.save_file" + convertHint},
	{begins("GGUF"), "this is a GGUF file of llama.cpp, whose weights are usually quantised: take the .safetensors file of the same model"},
	{begins("\x89HDF\r\n"), "this is an HDF5 file (.h5, of Keras): take the .safetensors file of the same model"},
	{func(head, _ []byte, _ string) bool { return len(head) > 8 && string(head[4:8]) == "TFL3" }, "this is a TensorFlow Lite model: take the .safetensors file of the same model"},
	{begins("\x1f\x8b", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "BZh"), "this is a compressed file: unpack it first"},
	{func(head, _ []byte, _ string) bool { return len(head) > 262 && string(head[257:262]) == "ustar" }, "this is a tar archive: unpack it first"},
	{isPage, "this is a web page (HTML) and neither a .npz nor a .safetensors file: a server sent it in place of the file, as it does for a wrong address or without a login; download the file again"},
	{isCheckpoint, "this is a part of a TensorFlow checkpoint: take the model's .npz or .safetensors file, or the folder of its SavedModel"},
	{func(_, _ []byte, name string) bool { return name == "saved_model.pb" }, "this is the graph of a SavedModel: name its folder"},
	{isONNX, "this is an ONNX model: take the .safetensors file of the model from which it was exported"},
	{isFlax, "this is a msgpack file of Flax (.msgpack): take the .safetensors file of the same model"},
	{func(head, _ []byte, _ string) bool { return bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) }, "this is a JSON file and holds no weights: name the .safetensors file, the list of its shards (.index.json), or the folder"},
}

func begins(beginnings ...string) func(head, tail []byte, name string) bool {
	return func(head, _ []byte, _ string) bool {
		return slices.ContainsFunc(beginnings, func(s string) bool { return bytes.HasPrefix(head, []byte(s)) })
	}
}

func isPage(head, _ []byte, _ string) bool {
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	return slices.ContainsFunc([]string{"<!doctype html", "<html", "<head", "<?xml"}, func(s string) bool { return bytes.HasPrefix(text, []byte(s)) })
}

// tableMagic ends a table of sorted strings, the format of a TensorFlow checkpoint's index (tensorflow/core/lib/io/format.h).
const tableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"

// checkpointPart matches the names of a TensorFlow checkpoint's data files.
var checkpointPart = regexp.MustCompile(`\.data-\d{5}-of-\d{5}$`)

func isCheckpoint(_, tail []byte, name string) bool {
	return bytes.HasSuffix(tail, []byte(tableMagic)) || checkpointPart.MatchString(name)
}

// isONNX recognises a ModelProto by its first two fields: ir_version, a small number, and the name of the program that wrote it
// or the operator sets (onnx.proto, fields 1, 2 and 8).
func isONNX(head, _ []byte, name string) bool {
	return strings.HasSuffix(name, ".onnx") || len(head) > 4 && head[0] == 0x08 && 0 < head[1] && head[1] < 0x20 && (head[2] == 0x12 || head[2] == 0x42)
}

// isFlax recognises a msgpack map whose first key is a string.
func isFlax(head, _ []byte, name string) bool {
	isText := func(b byte) bool { return b&0xe0 == 0xa0 || b == 0xd9 }
	return strings.HasSuffix(name, ".msgpack") ||
		len(head) > 4 && (head[0]&0xf0 == 0x80 && head[0] != 0x80 && isText(head[1]) || head[0] == 0xde && isText(head[3]))
}

// detect recognises the format by the content. The name only selects the error message for a file of another format.
func detect(r io.ReaderAt, size int64, path string) (string, error) {
	head, tail := make([]byte, min(headLength, size)), make([]byte, min(int64(len(tableMagic)), size))
	for _, part := range []struct {
		at   int64
		into []byte
	}{{0, head}, {size - int64(len(tail)), tail}} {
		if _, err := r.ReadAt(part.into, part.at); err != nil && err != io.EOF {
			return "", fmt.Errorf("reading its first and last bytes: %w", err)
		}
	}
	name := strings.ToLower(filepath.Base(path))
	switch {
	case begins("PK\x03\x04", "PK\x05\x06")(head, tail, name): // a zip archive, an empty zip archive
		return NPZ, nil
	case len(head) > 8 && head[8] == '{':
		return Safetensors, nil
	case filepath.Ext(name) == "."+Safetensors && len(head) <= 8:
		return "", fmt.Errorf("a .safetensors file has more than %d bytes: it is truncated, download or copy it again", size)
	}
	if i := slices.IndexFunc(foreigners, func(f foreign) bool { return f.is(head, tail, name) }); i >= 0 {
		return "", errors.New(foreigners[i].advice)
	}
	return "", fmt.Errorf("this is neither a .npz nor a .safetensors file, it begins with %.24q", head[:min(64, len(head))])
}
