package weight

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// maxDeflate is the highest compression ratio that deflate can reach (1032:1 by zlib's technical notes).
// A member that claims more is damaged or malicious.
const maxDeflate = 1032

// readNPZ reads a zip archive of .npy arrays, stored or deflated, as written by numpy.savez and
// numpy.savez_compressed.
func readNPZ(ctx context.Context, r io.ReaderAt, size int64) (tensor.Map, error) {
	from, _ := r.(source) // nothing of another reader is deferred
	members, err := openNPZ(r, size)
	if err != nil {
		return nil, err
	}
	tensors := make([]tensor.Tensor, len(members))
	err = parallel(ctx, len(members), func(i int, buf []byte) error {
		var err error
		if tensors[i], err = readMember(from, members[i], buf); err != nil {
			return fmt.Errorf("tensor %.200q: %w", tensorName(members[i]), err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m := make(tensor.Map, len(members))
	for i, t := range tensors {
		m[tensorName(members[i])] = t
	}
	return m, nil
}

// openNPZ reads and validates the zip directory.
func openNPZ(r io.ReaderAt, size int64) ([]*zip.File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("its zip directory, the end of a .npz file, cannot be read: the file is truncated or damaged, download or copy it again: %w", err)
	}
	return listNPZ(z.File, uint64(size))
}

func tensorName(f *zip.File) string { return strings.TrimSuffix(f.Name, ".npy") }

// isScript recognises the members of a TorchScript model, which has code besides a pickle.
func isScript(f *zip.File) bool { return strings.Contains(f.Name, "/code/__torch__") }

// listNPZ validates the zip directory before anything is read according to it.
func listNPZ(files []*zip.File, size uint64) ([]*zip.File, error) {
	var members []*zip.File
	seen := map[string]bool{}
	left := size // bytes of the file that no member has claimed yet: overlapping members are a zip bomb
	for _, f := range files {
		name := tensorName(f)
		switch {
		case strings.HasSuffix(f.Name, "/"):
			continue // zip -r writes an entry for each folder
		case strings.HasSuffix(f.Name, "/data.pkl") && slices.ContainsFunc(files, isScript), isScript(f):
			return nil, errors.New("this is a TorchScript model (.pt): load it with torch.jit.load, and save its state_dict() with safetensors.torch.save_file")
		case strings.HasSuffix(f.Name, "/data.pkl"):
			return nil, errors.New("this is a PyTorch checkpoint (.pth, .pt, .bin): save its tensors with safetensors.torch.save_file" + convertHint)
		case strings.HasSuffix(f.Name, ".weights.h5"):
			return nil, errors.New("this is a Keras model (.keras): take the .safetensors file of the same model")
		case name == f.Name:
			return nil, fmt.Errorf("member %.200q of the archive is not a .npy array: save the weights with numpy.savez", f.Name)
		case seen[name]:
			return nil, fmt.Errorf("tensor %.200q is there twice", name)
		case f.CompressedSize64 > left:
			return nil, fmt.Errorf("tensor %.200q: the zip directory claims %d bytes for it, more than the file has: the file is damaged", name, f.CompressedSize64)
		case f.Flags&1 != 0:
			return nil, fmt.Errorf("tensor %.200q is encrypted: save it without a password", name)
		case f.Method == zip.Store && f.UncompressedSize64 != f.CompressedSize64,
			f.Method == zip.Deflate && f.UncompressedSize64/maxDeflate > f.CompressedSize64:
			return nil, fmt.Errorf("tensor %.200q: the zip directory claims %d bytes from %d: the file is damaged", name, f.UncompressedSize64, f.CompressedSize64)
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return nil, fmt.Errorf("tensor %.200q is packed with zip method %d: save it with numpy.savez or numpy.savez_compressed", name, f.Method)
		}
		seen[name] = true
		left -= f.CompressedSize64
		members = append(members, f)
	}
	if len(members) == 0 {
		return nil, errors.New("the archive holds no arrays")
	}
	return members, nil
}

// unpack returns a reader of a member's bytes, whose checksum it does not check.
func unpack(f *zip.File) (io.Reader, error) {
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, fmt.Errorf("its zip entry cannot be read: the file is damaged: %w", noEOF(err))
	}
	if f.Method == zip.Deflate {
		raw = flate.NewReader(raw)
	}
	return raw, nil
}

func readMember(from source, f *zip.File, buf []byte) (tensor.Tensor, error) {
	raw, err := unpack(f)
	if err != nil {
		return tensor.Tensor{}, err
	}
	// archive/zip's own reader ignores a checksum of 0; this one does not.
	data := &checked{r: raw}
	t, err := readNPY(from, f, data, buf)
	if err != nil {
		return tensor.Tensor{}, err
	}
	switch _, err = io.ReadFull(data, buf[:1]); {
	case err == nil:
		return tensor.Tensor{}, errors.New("it holds more data than its zip entry says: the file is damaged")
	case err != io.EOF:
		return tensor.Tensor{}, fmt.Errorf("its data cannot be unpacked: the file is damaged: %w", err)
	case data.crc != f.CRC32:
		return tensor.Tensor{}, fmt.Errorf("its checksum is %08x, the archive says %08x: the file is damaged, download or copy it again", data.crc, f.CRC32)
	}
	return t, nil
}

// readArrayHeader reads the header of an array of length bytes, header included, and checks its size. It returns the kind and the
// number of the elements.
func readArrayHeader(r io.Reader, length uint64) (h npyHeader, k kind, n int, err error) {
	if h, err = readNPYHeader(r); err != nil {
		return h, k, 0, err
	}
	k, ok := kindOf(func(k kind) bool { return k.numpy != "" && k.numpy == h.descr })
	if !ok {
		return h, k, 0, refuseDescr(h.descr)
	}
	if h.fortran {
		return h, k, 0, fmt.Errorf("its %v elements are in Fortran order (column-major): save it with numpy.ascontiguousarray(x)", h.shape)
	}
	n, size, err := count(h.shape, k.size)
	if err != nil {
		return h, k, 0, err
	}
	if have := length - uint64(h.length); uint64(h.length) > length || uint64(size) != have {
		return h, k, 0, fmt.Errorf("shape %v of type %s takes %d bytes, its zip entry has %d: the file is damaged", h.shape, h.descr, size, int64(have))
	}
	return h, k, n, nil
}

// readNPY reads the array of a member, header included, from r.
func readNPY(from source, f *zip.File, r io.Reader, buf []byte) (tensor.Tensor, error) {
	h, k, n, err := readArrayHeader(r, f.UncompressedSize64)
	if err != nil {
		return tensor.Tensor{}, err
	}
	// Allocate at once only what the file's real size justifies: eight times its packed bytes.
	first := int(min(uint64(n), 8*f.CompressedSize64/uint64(k.size)))
	data, err := from.data(tensorName(f), k, r, n, first, buf, func(at int) (io.Reader, error) { return openMember(f, h.length, k.size, at) })
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.Tensor{Shape: h.shape, Data: data}, nil
}

// refuseDescr explains an unsupported type string and what to do about it.
func refuseDescr(descr string) error {
	const advice = "save it with x.astype('<f4')"
	switch {
	case strings.HasPrefix(descr, "["):
		return fmt.Errorf("it has the structured type %.60s: save each field as an array of its own", descr)
	case strings.Contains(descr, "O"):
		return fmt.Errorf("it holds Python objects (type %.20q), which are not unpacked because they can run code: %s", descr, advice)
	case strings.HasPrefix(descr, ">"):
		return fmt.Errorf("it is big-endian (type %.20q): %s", descr, advice)
	case strings.HasSuffix(descr, "V2"):
		return fmt.Errorf("it has elements of 2 bytes without a type (type %q), bfloat16 perhaps: %s", descr, advice)
	}
	return fmt.Errorf("it has type %.20q, this program reads <f8, <f4, <f2, <i8, <i4, |u1 and |b1: %s", descr, advice)
}

// checked is a reader that computes the CRC-32 of what it reads.
type checked struct {
	r   io.Reader
	crc uint32
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	return n, err
}
