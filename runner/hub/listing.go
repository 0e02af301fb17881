package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"dtl-tf/graph/limit"
)

// listing is what a hub says about a model at a revision.
type listing struct {
	commit string
	files  []string
	sizes  map[string]int64 // in bytes, of the files whose size is there
}

// list asks for the commit of a revision and its files.
func (h *Hub) list(ctx context.Context, ref Reference) (l listing, err error) {
	u, err := h.address("/api/models/" + ref.Repo + "/revision/" + url.PathEscape(ref.Revision) + "?blobs=true")
	if err != nil {
		return l, err
	}
	err = h.retry(ctx, func() error {
		r, err := h.send(ctx, call{method: http.MethodGet, url: u})
		if err != nil {
			return err
		}
		if r.StatusCode != http.StatusOK {
			return h.refusal(ref, "", r)
		}
		defer r.Body.Close()
		raw, err := io.ReadAll(io.LimitReader(r.Body, limit.Text+1))
		if err != nil {
			return err
		}
		l, err = parseListing(raw)
		return err
	})
	if err != nil {
		return l, fmt.Errorf("asking %s for %s: %w", h.Endpoint.Host, ref, err)
	}
	return l, nil
}

func parseListing(raw []byte) (l listing, err error) {
	var answer struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
			Size *int64 `json:"size"`
			LFS  *struct {
				Size int64 `json:"size"`
			} `json:"lfs"` // of a large file
		} `json:"siblings"`
	}
	if len(raw) > limit.Text {
		return l, fmt.Errorf("the answer has more than %d bytes: check HF_ENDPOINT", limit.Text)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return l, fmt.Errorf("the answer is not that of a hub: %w (check HF_ENDPOINT and the proxy)", err)
	}
	if !commitHash.MatchString(answer.SHA) {
		return l, fmt.Errorf("the answer is not that of a hub: %.50q is not a commit (check HF_ENDPOINT and the proxy)", answer.SHA)
	}
	l = listing{commit: answer.SHA, sizes: map[string]int64{}}
	for _, s := range answer.Siblings {
		l.files = append(l.files, s.Name)
		switch {
		case s.LFS != nil:
			l.sizes[s.Name] = s.LFS.Size
		case s.Size != nil:
			l.sizes[s.Name] = *s.Size
		}
	}
	return l, nil
}
