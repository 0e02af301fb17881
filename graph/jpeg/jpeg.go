// Package jpeg decodes JPEG images with TensorFlow's DecodeJpeg. With the accurate integer DCT and
// smooth chroma upsampling its libjpeg-turbo yields exactly the pixels of Pillow, on which published
// results are based; Go's image/jpeg differs by 7 to 10 levels.
package jpeg

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Decoder decodes JPEG images. It is safe for concurrent use and decodes as many images at once as
// it has threads.
type Decoder struct {
	session *capi.Session
	content tf.Output // scalar string
	pixels  tf.Output // [H, W, 3] uint8
}

// NewDecoder opens a decoder. Decoders with the same number of threads share a thread pool, which is
// separate from the sessions'; threads = 0 means GOMAXPROCS. Pass the number that the graph's session gets: the first session
// of a process also fixes the size of TensorFlow's pool for work inside one op.
func NewDecoder(threads int) (*Decoder, error) {
	g := tf.NewGraph()
	content, err := g.AddOperation(tf.OpSpec{
		Type: "Placeholder", Name: "content",
		Attrs: map[string]any{"dtype": tf.String, "shape": tf.ScalarShape()},
	})
	if err != nil {
		return nil, fmt.Errorf("jpeg graph: %w", err)
	}
	pixels, err := g.AddOperation(tf.OpSpec{
		Type: "DecodeJpeg", Name: "pixels",
		Input: []tf.Input{content.Output(0)},
		Attrs: map[string]any{
			"channels":        int64(3),
			"dct_method":      "INTEGER_ACCURATE",
			"fancy_upscaling": true,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("jpeg graph: %w", err)
	}
	options, err := sessionOptions(threads)
	if err != nil {
		return nil, err
	}
	session, err := capi.NewSession(g, options)
	if err != nil {
		return nil, fmt.Errorf("JPEG images: %w", err)
	}
	return &Decoder{session: session, content: content.Output(0), pixels: pixels.Output(0)}, nil
}

// sessionOptions gives the session its own inter-op pool. The process-wide one has a single thread
// so that training steps are reproducible; there images would be decoded one at a time and only
// between training steps.
func sessionOptions(threads int) (*tf.SessionOptions, error) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	raw, err := proto.Marshal(&pb.ConfigProto{
		IntraOpParallelismThreads: int32(threads), // unused here, but see NewDecoder
		SessionInterOpThreadPool: []*pb.ThreadPoolOptionProto{{
			NumThreads: int32(threads),
			GlobalName: fmt.Sprintf("jpeg-%d", threads), // TensorFlow refuses two sizes under one name
		}},
		DeviceCount: map[string]int32{"GPU": 0}, // the op runs on the CPU only
	})
	if err != nil {
		return nil, fmt.Errorf("session options for JPEG images: %w", err)
	}
	return &tf.SessionOptions{Config: raw}, nil
}

// Decode returns the pixels of an encoded image as [height, width, 3] uint8 RGB. Grey images
// become three equal channels, CMYK images are converted. A truncated or corrupt image is an error.
func (d *Decoder) Decode(data []byte) (pix []uint8, height, width int, err error) {
	err = d.View(data, func(view []uint8, h, w int) error {
		pix, height, width = slices.Clone(view), h, w
		return nil
	})
	return pix, height, width, err
}

// View passes the pixels to use without copying them, as Decode returns them. They are valid until use returns and must not be changed.
func (d *Decoder) View(data []byte, use func(pix []uint8, height, width int) error) error {
	if !Is(data) {
		// DecodeJpeg also decodes PNG, GIF and BMP, but not like Pillow.
		return errors.New("not a JPEG image")
	}
	if !hasEnd(data) { // TensorFlow would refuse it too, but print to stderr
		return errors.New("the JPEG data are truncated: no end-of-image marker")
	}
	data = withAdobe(data)
	feed := capi.Feed{Output: d.content, Value: tensor.Scalar(string(data))}
	values, err := d.session.RunHeld([]capi.Feed{feed}, []tf.Output{d.pixels})
	defer capi.Free(values...)
	switch {
	case errors.Is(err, capi.ErrClosed):
		return errors.New("the JPEG decoder is closed")
	case err != nil:
		return reason(err)
	}
	shape := values[0].Shape
	held, ok := values[0].Data.(*capi.Held)
	if !ok || len(shape) != 3 || shape[2] != 3 {
		return fmt.Errorf("decode JPEG: unexpected result of shape %v", shape)
	}
	pix, err := held.Bytes()
	if err != nil {
		return fmt.Errorf("decode JPEG: %w", err)
	}
	return use(pix, shape[0], shape[1])
}

// Close waits for running calls of Decode and frees the session.
func (d *Decoder) Close() error { return d.session.Close() }

// reason rephrases TensorFlow's message for a user who has a file, not a graph.
func reason(err error) error {
	message := err.Error()
	if strings.Contains(message, "Invalid JPEG data") {
		return errors.New("the JPEG data are truncated or corrupt")
	}
	// TensorFlow appends the node's name in brackets and further lines.
	message, _, _ = strings.Cut(message, "\n")
	message, _, _ = strings.Cut(message, "[[{{")
	return fmt.Errorf("decode JPEG: %s", strings.TrimSpace(message))
}
