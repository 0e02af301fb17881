package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"iter"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// webp is the picture of a WebP file, or the first frame of an animation, as its container describes it
// (https://developers.google.com/speed/webp/docs/riff_container). Opacity is not read, because conversion to RGB drops it.
type webp struct {
	height, width int // of the canvas
	left, top     int // of the frame on it
	frame         webpFrame
}

// webpFrame is a frame's bit stream with the size that it declares.
type webpFrame struct {
	height, width int
	lossy         bool
	content       []byte
}

// A RIFF file starts with its name, its size and its kind. Each chunk has a name and a size, and is padded to an even size.
const (
	riffHeader  = 12
	chunkHeader = 8
)

func isWebP(content []byte) bool {
	return len(content) >= riffHeader && string(content[:4]) == "RIFF" && string(content[8:riffHeader]) == "WEBP"
}

var errEndsEarly = errors.New("the file ends early")

func parseWebP(content []byte) (w webp, err error) {
	end := chunkHeader + int(binary.LittleEndian.Uint32(content[4:]))
	if end < riffHeader || end > len(content) {
		return w, errEndsEarly
	}
	extended, animated := false, false
	for name, body := range chunks(content[riffHeader:end]) {
		switch {
		case body == nil:
			return w, errEndsEarly
		case name == "VP8X" && len(body) >= 10 && !extended:
			const animation = 1 << 1
			extended, animated = true, body[0]&animation != 0
			w.width, w.height = uint24(body[4:])+1, uint24(body[7:])+1
		case name == "ANMF" && animated && len(body) >= 16:
			w.left, w.top = 2*uint24(body), 2*uint24(body[3:])
			for name, part := range chunks(body[16:]) {
				if part == nil {
					return w, errEndsEarly
				}
				if name == "VP8 " || name == "VP8L" {
					w.frame, err = parseFrame(name, part)
					return w, errors.Join(err, w.check())
				}
			}
		case (name == "VP8 " || name == "VP8L") && !animated:
			if w.frame, err = parseFrame(name, body); err != nil {
				return w, err
			}
			if !extended {
				w.width, w.height = w.frame.width, w.frame.height
			}
			if w.width != w.frame.width || w.height != w.frame.height {
				return w, fmt.Errorf("its canvas is %d x %d pixels, its picture %d x %d", w.width, w.height, w.frame.width, w.frame.height)
			}
			return w, nil
		}
	}
	return w, errors.New("the file has no picture")
}

func (w webp) check() error {
	if w.left+w.frame.width > w.width || w.top+w.frame.height > w.height {
		return fmt.Errorf("its first frame of %d x %d pixels leaves the canvas of %d x %d", w.frame.width, w.frame.height, w.width, w.height)
	}
	return nil
}

// chunks loops over the chunks of a RIFF file or of a frame. The last body is nil if the content ends within it.
func chunks(content []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(content) >= chunkHeader {
			name, size := string(content[:4]), int(binary.LittleEndian.Uint32(content[4:]))
			content = content[chunkHeader:]
			if size > len(content) {
				yield(name, nil)
				return
			}
			if !yield(name, content[:size:size]) {
				return
			}
			content = content[min(size+size%2, len(content)):]
		}
	}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// parseFrame reads the size in the header of a bit stream: RFC 6386 section 9.1, and RFC 9649 section 3.4.
func parseFrame(name string, content []byte) (f webpFrame, err error) {
	f = webpFrame{lossy: name == "VP8 ", content: content}
	if !f.lossy {
		c, err := vp8l.DecodeConfig(bytes.NewReader(content))
		f.height, f.width = c.Height, c.Width
		return f, err
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(content), len(content))
	h, err := d.DecodeFrameHeader()
	if err == nil && !h.KeyFrame {
		err = errors.New("its picture is the change of another one")
	}
	f.height, f.width = h.Height, h.Width
	return f, err
}

func sizeWebP(content []byte) (height, width int, err error) {
	w, err := parseWebP(content)
	return w.height, w.width, err
}

// decodeWebP puts the picture on a canvas of transparent black, as libwebp does.
func decodeWebP(content []byte) (pixels, error) {
	w, err := parseWebP(content)
	if err != nil {
		return pixels{}, err
	}
	p, err := w.frame.decode()
	if err != nil || p.height == w.height && p.width == w.width {
		return p, err
	}
	canvas := newPixels(w.height, w.width)
	for y := range p.height {
		copy(canvas.pix[((w.top+y)*w.width+w.left)*3:], p.pix[y*p.width*3:(y+1)*p.width*3])
	}
	return canvas, nil
}

func (f webpFrame) decode() (pixels, error) {
	if !f.lossy {
		m, err := vp8l.Decode(bytes.NewReader(f.content))
		if err != nil {
			return pixels{}, err
		}
		return fromImage(m)
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(f.content), len(f.content))
	if _, err := d.DecodeFrameHeader(); err != nil {
		return pixels{}, err
	}
	m, err := d.DecodeFrame()
	if err != nil {
		return pixels{}, err
	}
	return fromVideo(m), nil
}

// fromVideo converts the planes of a lossy WebP to RGB, bit for bit as libwebp does (VP8YuvToRgb in src/dsp/yuv.h): luma of 16 to
// 235 and chroma of half the resolution, which is interpolated. image/color's conversion is JPEG's, with luma of 0 to 255.
func fromVideo(m *image.YCbCr) pixels {
	p := newPixels(m.Rect.Dy(), m.Rect.Dx())
	last, columns := (p.height+1)/2-1, (p.width+1)/2
	u, v := make([]uint8, p.width), make([]uint8, p.width)
	for y := range p.height {
		near := y / 2
		far := min(max(near-1+2*(y%2), 0), last)
		row := func(plane []uint8, y int) []uint8 { return plane[y*m.CStride : y*m.CStride+columns] }
		interpolate(u, row(m.Cb, near), row(m.Cb, far))
		interpolate(v, row(m.Cr, near), row(m.Cr, far))
		luma := m.Y[y*m.YStride : y*m.YStride+p.width]
		out := p.pix[y*p.width*3 : (y+1)*p.width*3]
		for x, l := range luma {
			light, blue, red := int32(l)*19077>>8, int32(u[x]), int32(v[x])
			out[3*x] = clip6(light + red*26149>>8 - 14234)
			out[3*x+1] = clip6(light - blue*6419>>8 - red*13320>>8 + 8708)
			out[3*x+2] = clip6(light + blue*33050>>8 - 17685)
		}
	}
	return p
}

// interpolate makes a row of full width of the two rows of chroma around it, with the weights 9, 3, 3 and 1 of the four samples
// around a pixel. The roundings are those of UPSAMPLE_FUNC in libwebp's src/dsp/upsampling.c.
func interpolate(out, near, far []uint8) {
	edge := func(at int) uint8 { return uint8((3*int32(near[at]) + int32(far[at]) + 2) >> 2) }
	width := len(out)
	out[0] = edge(0)
	for x := 1; x <= (width-1)/2; x++ {
		n, f, nextN, nextF := int32(near[x-1]), int32(far[x-1]), int32(near[x]), int32(far[x])
		out[2*x-1] = uint8(((n+3*nextN+3*f+nextF+8)>>3 + n) >> 1)
		out[2*x] = uint8(((3*n+nextN+f+3*nextF+8)>>3 + nextN) >> 1)
	}
	if width%2 == 0 {
		out[width-1] = edge(width/2 - 1)
	}
}

// clip6 rounds down a value in units of 1/64.
func clip6(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// exifOfWebP returns the content of the chunk EXIF, which follows the picture, or nil.
func exifOfWebP(f io.ReaderAt) []byte {
	const maxChunks, maxBytes = 100_000, 1 << 16
	at := int64(riffHeader)
	for range maxChunks {
		var head [chunkHeader]byte
		if _, err := f.ReadAt(head[:], at); err != nil {
			return nil
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		if string(head[:4]) == "EXIF" {
			content, _ := io.ReadAll(io.NewSectionReader(f, at+chunkHeader, min(size, maxBytes)))
			return content
		}
		at += chunkHeader + size + size%2
	}
	return nil
}
