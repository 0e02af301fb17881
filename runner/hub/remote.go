package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
)

// fileURL is the address of a file of a commit.
func (h *Hub) fileURL(repo, commit, name string) (*url.URL, error) {
	return h.address("/" + repo + "/resolve/" + commit + "/" + escape(name))
}

// head asks for the size and the ETag of a file. Those of a large file are in the redirect to the host that has its content.
func (h *Hub) head(ctx context.Context, ref Reference, commit, name string) (f remote, err error) {
	u, err := h.fileURL(ref.Repo, commit, name)
	if err != nil {
		return f, err
	}
	err = h.retry(ctx, func() error {
		r, err := h.send(ctx, call{method: http.MethodHead, url: u, enough: func(r *http.Response) bool { return r.Header.Get("X-Linked-Etag") != "" }})
		if err != nil {
			return err
		}
		if r.StatusCode >= 400 || r.StatusCode < 200 {
			return h.refusal(ref, name, r)
		}
		r.Body.Close()
		if at := r.Header.Get("X-Repo-Commit"); at != "" && at != commit {
			return fmt.Errorf("the hub answers with commit %.50q, asked for was %s", at, commit)
		}
		f, err = parseHead(name, r)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("%s: %w", spell.Line(name), err)
	}
	return f, nil
}

func parseHead(name string, r *http.Response) (remote, error) {
	f := remote{name: name, etag: normalise(r.Header.Get("ETag")), size: -1}
	size := r.Header.Get("X-Linked-Size")
	if linked := r.Header.Get("X-Linked-Etag"); linked != "" {
		f.etag = normalise(linked)
	} else if size == "" && r.StatusCode < 300 {
		size = r.Header.Get("Content-Length")
	}
	if !blobName.MatchString(f.etag) {
		return f, fmt.Errorf("the hub declares the ETag %.80q, which identifies no content: check HF_ENDPOINT", f.etag)
	}
	if size != "" {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || n < 0 {
			return f, fmt.Errorf("the hub declares a size of %.50q bytes", size)
		}
		f.size = n
	}
	if f.size < 0 && f.checksum() == "" {
		return f, errors.New("the hub declares neither a size nor a checksum, so a damaged download could not be found: check HF_ENDPOINT")
	}
	if !strings.HasSuffix(name, weightsEnd) && f.size > limit.Text {
		return f, fmt.Errorf("%d bytes are more than the limit of %d for a file of this kind", f.size, limit.Text)
	}
	return f, nil
}
