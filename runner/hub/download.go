package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/report"
)

// download brings the content of a file into the cache, unless it is there. It appears under its name when it is complete and
// checked. An interrupted download leaves a partial file, with which the next one continues. show is told the bytes so far.
func (h *Hub) download(ctx context.Context, ref Reference, s store, commit string, f remote, show func(done int64)) error {
	if s.complete(f) {
		return nil
	}
	lock, err := h.lock(ctx, s, f)
	if err != nil {
		return err
	}
	defer lock.Close()
	if s.complete(f) { // by another process
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.blob(f.etag)), 0o777); err != nil {
		return cacheError(err)
	}
	t := transfer{hub: h, ref: ref, commit: commit, file: f, partial: s.partial(f.etag), show: show}
	begun, _ := sizeOf(t.partial)
	err = t.run(ctx)
	var damaged *damagedError
	if errors.As(err, &damaged) && begun > 0 {
		h.Note("%s: the part from an earlier download is damaged, so it starts again", f.name)
		os.Remove(t.partial)
		err = t.run(ctx)
	}
	if errors.As(err, &damaged) {
		os.Remove(t.partial)
		return fmt.Errorf("the download is damaged, and was removed: %w; try again, and check HF_ENDPOINT and the proxy if this repeats", err)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(t.partial, s.blob(f.etag)); err != nil {
		return cacheError(err)
	}
	return nil
}

// complete reports whether the cache has the content of a file. One of another size is damaged, and is replaced.
func (s store) complete(f remote) bool {
	size, ok := sizeOf(s.blob(f.etag))
	return ok && (f.size < 0 || size == f.size)
}

// transfer receives a file into a partial file.
type transfer struct {
	hub     *Hub
	ref     Reference
	commit  string
	file    remote
	partial string
	show    func(done int64)

	validators map[string]string // the strong ETags of answers, by host
}

// run receives what is missing and checks the whole.
func (t *transfer) run(ctx context.Context) error {
	t.validators = map[string]string{}
	u, err := t.hub.fileURL(t.ref.Repo, t.commit, t.file.name)
	if err != nil {
		return err
	}
	if err := t.hub.retry(ctx, func() error { return t.receive(ctx, u) }); err != nil {
		return err
	}
	size, _ := sizeOf(t.partial)
	return t.file.verify(ctx, t.partial, size)
}

// receive sends one request for what is missing and writes what comes.
func (t *transfer) receive(ctx context.Context, u *url.URL) error {
	offset, there := sizeOf(t.partial)
	switch size := t.file.size; {
	case there && offset == size:
		return nil
	case size >= 0 && offset > size:
		offset = 0
	}
	r, err := t.hub.send(ctx, call{method: http.MethodGet, url: u, header: func(at *url.URL, header http.Header) {
		if offset == 0 {
			return
		}
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if t.hub.own(at) {
			header.Set("If-Range", `"`+t.file.etag+`"`)
		} else if v := t.validators[at.Host]; v != "" {
			header.Set("If-Range", v)
		}
	}})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if offset, err = t.position(r, offset); err != nil {
		return err
	}
	if etag := r.Header.Get("ETag"); strings.HasPrefix(etag, `"`) {
		t.validators[r.Request.URL.Host] = etag
	}
	return t.write(r, offset)
}

// position checks an answer and returns the offset at which its content begins.
func (t *transfer) position(r *http.Response, offset int64) (int64, error) {
	host, size := r.Request.URL.Host, t.file.size
	again := func(format string, args ...any) (int64, error) { // from the start
		os.Remove(t.partial)
		return 0, &transient{error: fmt.Errorf(format, args...)}
	}
	switch {
	case r.StatusCode == http.StatusOK: // also a server without ranges
		if n := r.ContentLength; n >= 0 && size >= 0 && n != size {
			return 0, &damagedError{fmt.Errorf("%s sends %d bytes, the hub declares %d", host, n, size)}
		}
		if size < 0 && r.ContentLength >= 0 {
			t.file.size = r.ContentLength
			return 0, t.hub.checkSpace(t.file.size)
		}
		return 0, nil
	case r.StatusCode == http.StatusPartialContent && offset > 0:
		first, total, ok := parseRange(r.Header.Get("Content-Range"))
		if before, now := t.validators[host], r.Header.Get("ETag"); before != "" && now != "" && before != now {
			return again("the content at %s has changed", host)
		}
		if !ok || first != offset || total >= 0 && size >= 0 && total != size {
			return again("%s sends the range %.80q, asked for was byte %d of %d", host, r.Header.Get("Content-Range"), offset, size)
		}
		if size < 0 {
			t.file.size = total
		}
		return offset, nil
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return again("%s does not have the range from byte %d", host, offset)
	case !t.hub.own(r.Request.URL) && r.StatusCode != http.StatusTooManyRequests && r.StatusCode < 500:
		// A signed address that has expired: another try gets a new one.
		return 0, &transient{error: fmt.Errorf("%s, where the hub stores the file, answers %d", host, r.StatusCode)}
	}
	return 0, t.hub.refusal(t.ref, t.file.name, r)
}

// parseRange parses the header field Content-Range: "bytes 100-199/200". total is -1 for "*".
func parseRange(text string) (first, total int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, all, cut := strings.Cut(text, "/")
	begin, _, dash := strings.Cut(span, "-")
	first, err := strconv.ParseInt(begin, 10, 64)
	if !ok || !cut || !dash || err != nil {
		return 0, 0, false
	}
	if all == "*" {
		return first, -1, true
	}
	total, err = strconv.ParseInt(all, 10, 64)
	return first, total, err == nil && total >= 0
}

// bufferBytes is what is read at a time.
const bufferBytes = 256 << 10

// write appends a body to the partial file.
func (t *transfer) write(r *http.Response, offset int64) (err error) {
	out, err := t.hub.disk.Append(t.partial, offset)
	if err != nil {
		return cacheError(err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	begun, size, buffer := offset, t.file.size, make([]byte, bufferBytes)
	t.show(offset)
	for {
		n, readErr := r.Body.Read(buffer)
		if size >= 0 && offset+int64(n) > size {
			return &damagedError{fmt.Errorf("%s sends more than the %d bytes that the hub declares", r.Request.URL.Host, size)}
		}
		if size < 0 && offset+int64(n) > limit.Text {
			return &damagedError{fmt.Errorf("%s sends more than %d bytes without telling how many", r.Request.URL.Host, limit.Text)}
		}
		if _, err := out.Write(buffer[:n]); err != nil {
			return t.full(err, offset)
		}
		if n > 0 {
			offset += int64(n)
			t.show(offset)
		}
		if readErr == io.EOF {
			if size < 0 || offset == size {
				if err := out.Sync(); err != nil { // so that a crash cannot leave half of it under its final name
					return t.full(err, offset)
				}
				return nil
			}
			readErr = &transient{error: fmt.Errorf("%s stopped after %d of %d bytes", r.Request.URL.Host, offset, size)}
		}
		if readErr != nil {
			var again *transient
			if errors.As(readErr, &again) {
				again.progress = offset-begun >= progressBytes
			}
			return readErr
		}
	}
}

// full explains an error of writing.
func (t *transfer) full(err error, offset int64) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk of %s is full after %s of %s: %w (free some space, or name another folder with HF_HUB_CACHE; the same command continues)",
			t.hub.Cache, report.Bytes(offset), sizeText(t.file.size), err)
	}
	return cacheError(err)
}
