package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"time"
)

// open returns the body of a request within the limits. release must be called once what was read is no longer needed.
func (s *server) open(w http.ResponseWriter, r *http.Request) (io.Reader, func(), error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, nil, failf(http.StatusUnsupportedMediaType, "the body has the Content-Encoding %.40q: send it without", e)
	}
	limit := int64(s.config.MaxBody) << 20
	if r.ContentLength > limit {
		discard(r, limit)
		return nil, nil, failf(http.StatusRequestEntityTooLarge, "the body has %d bytes, more than the limit of %d", r.ContentLength, limit)
	}
	c := &charged{Reader: http.MaxBytesReader(w, r.Body, limit), budget: &s.bodies}
	return c, c.release, nil
}

// discard reads what a client sends beyond a limit, up to as much again. A connection that is closed while the client sends is reset,
// and the client may never read the answer.
func discard(r *http.Request, limit int64) {
	_, _ = io.CopyN(io.Discard, r.Body, 2*limit)
}

// body reads a whole body.
func (s *server) body(w http.ResponseWriter, r *http.Request) ([]byte, func(), error) {
	reader, release, err := s.open(w, r)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= chargeStep {
		b.Grow(int(n) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(reader); err != nil {
		release()
		if err = bodyError(err); statusOf(err) == http.StatusRequestEntityTooLarge {
			discard(r, int64(s.config.MaxBody)<<20)
		}
		return nil, nil, err
	}
	received(w)
	return b.Bytes(), release, nil
}

// received ends the time that the client has to send the request. Without it, net/http would cancel the request at the end of that
// time even if it only waits for its answer.
func received(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // connections without deadlines have none to end
}

// bodyError gives an error in reading a body its status.
func bodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return failf(http.StatusRequestEntityTooLarge, "the body has more bytes than the limit of %d", large.Limit)
	case errors.Is(err, errBudget):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failf(http.StatusRequestTimeout, "the request took too long to arrive")
	}
	return failf(http.StatusBadRequest, "the body can't be read: %w", err)
}

// file is an image that a client sent.
type file struct {
	name    string // "" if it has none
	content []byte
}

// images reads the images of a request: those of a form (multipart/form-data), or the body as one image. The field adapter of a
// form selects adapters.
func (s *server) images(w http.ResponseWriter, r *http.Request) (images []file, adapters []string, release func(), err error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		content, release, err := s.body(w, r)
		if err == nil && len(content) == 0 {
			release()
			err = failf(http.StatusBadRequest, "the body is empty: send an image, or images in a form (multipart/form-data)")
		}
		return []file{{content: content}}, nil, release, err
	}
	reader, release, err := s.open(w, r)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			release()
			release = nil
		}
	}()
	form := multipart.NewReader(reader, parameters["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, release, bodyError(err)
		}
		content, err := io.ReadAll(part)
		switch {
		case err != nil:
			return nil, nil, release, bodyError(err)
		case part.FileName() != "":
			images = append(images, file{part.FileName(), content})
		case part.FormName() == "adapter":
			adapters = append(adapters, string(content))
		default:
			return nil, nil, release, failf(http.StatusBadRequest, "the form's field %.80q is neither a file nor the name of an adapter", part.FormName())
		}
		if len(images) > s.config.MaxImages {
			return nil, nil, release, s.tooMany(len(images))
		}
		if len(adapters) > maxSelected {
			return nil, nil, release, failf(http.StatusBadRequest, "the form names more than %d adapters", maxSelected)
		}
	}
	if len(images) == 0 {
		return nil, nil, release, failf(http.StatusBadRequest, "the form has no file")
	}
	received(w)
	return images, adapters, release, nil
}

// maxSelected is how many adapters a request may name.
const maxSelected = 1000

func (s *server) tooMany(n int) error {
	return failf(http.StatusRequestEntityTooLarge, "the request has %d images or more, the limit is %d", n, s.config.MaxImages)
}

// distinct refuses names that occur twice: the answers would be twice the same.
func distinct(names []string) error {
	sorted := slices.Sorted(slices.Values(names))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return failf(http.StatusBadRequest, "the request names the adapter %.120s twice", sorted[i])
		}
	}
	return nil
}

// shown is the name of an image in answers and errors.
func (f file) shown(i int) string {
	if f.name != "" {
		return f.name
	}
	return fmt.Sprint(i)
}
