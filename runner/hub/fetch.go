package hub

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/report"
)

// Fetch asks the hub what a revision is now, and downloads what the cache lacks of it: the weights and the config files beside
// them. file names the weights, "" if the usual names tell. Offline it returns what the cache has. If ctx ends, the error wraps
// ctx's, and another call continues.
func (h *Hub) Fetch(ctx context.Context, ref Reference, file string) (Model, error) {
	if h.Offline {
		m, unknown, err := h.find(ref, file)
		if err != nil {
			return m, fmt.Errorf("HF_HUB_OFFLINE forbids the network, and the cache does not have the model: %w", err)
		}
		h.noteUnknown(ref, unknown)
		return m, nil
	}
	l, err := h.list(ctx, ref)
	if err != nil {
		return Model{}, err
	}
	weights, err := choose(ref, l.files, file)
	if err != nil {
		return Model{}, err
	}
	f := &fetching{Hub: h, ref: ref, listing: l, store: h.store(ref.Repo)}
	return f.model(ctx, weights)
}

// Local returns a model from the cache. It asks the hub only for what the cache lacks.
func (h *Hub) Local(ctx context.Context, ref Reference) (Model, error) {
	m, unknown, err := h.find(ref, "")
	if err != nil || h.Offline {
		return h.Fetch(ctx, ref, "")
	}
	if len(unknown) == 0 {
		h.Note("%s is commit %s in the cache", ref, m.Commit)
		return m, nil
	}
	// Another program has downloaded the weights only. The config files are small, and decide about normalisation and heads.
	one := *h
	one.tries = 1
	found, err := one.Fetch(ctx, Reference{ref.Repo, m.Commit}, m.Weights)
	if err == nil {
		found.Revision = ref.Revision
		return found, nil
	}
	if ctx.Err() != nil {
		return m, err
	}
	h.Note("%v", err)
	h.noteUnknown(ref, unknown)
	return m, nil
}

func (h *Hub) noteUnknown(ref Reference, unknown []string) {
	if len(unknown) > 0 {
		h.Note("the cache has the weights of %s, and nothing tells whether the model also has %s: what they would tell may be guessed", ref, strings.Join(unknown, ", "))
	}
}

// find looks a model up in the cache. unknown are the config files of which the cache does not tell whether the model has them.
func (h *Hub) find(ref Reference, file string) (m Model, unknown []string, err error) {
	s := h.store(ref.Repo)
	commit := s.commit(ref.Revision)
	if commit == "" {
		return m, nil, fmt.Errorf("%s does not have %s", h.Cache, ref)
	}
	there := s.files(commit)
	weights, err := choose(ref, there, file)
	if err != nil {
		return m, nil, fmt.Errorf("of %s, %s has no complete weights: %w", ref, h.Cache, err)
	}
	files := []string{weights}
	if strings.HasSuffix(weights, indexEnd) {
		list, err := shards(s.file(commit, weights), weights)
		if err != nil {
			return m, nil, err
		}
		for _, name := range list {
			if !slices.Contains(there, name) {
				return m, nil, fmt.Errorf("of %s, %s lacks the shard %s", ref, h.Cache, name)
			}
		}
		files = append(files, list...)
	}
	for _, c := range companions {
		switch name := path.Join(path.Dir(weights), c); {
		case slices.Contains(there, name):
			files = append(files, name)
		case !s.knowsAbsent(commit, name):
			unknown = append(unknown, name)
		}
	}
	return Model{Repo: ref.Repo, Revision: ref.Revision, Commit: commit, Folder: s.snapshot(commit), Weights: weights, Files: files}, unknown, nil
}

// fetching is one call of Fetch.
type fetching struct {
	*Hub
	ref     Reference
	listing listing
	store   store
}

// model downloads the weights and the config files beside them.
func (f *fetching) model(ctx context.Context, weights string) (Model, error) {
	commit := f.listing.commit
	files := []string{weights}
	if strings.HasSuffix(weights, indexEnd) {
		if err := f.get(ctx, []string{weights}, false); err != nil { // small, and it names the others
			return Model{}, err
		}
		list, err := shards(f.store.file(commit, weights), weights)
		if err != nil {
			return Model{}, fmt.Errorf("%s: %w", f.ref, err)
		}
		for _, name := range list {
			if !slices.Contains(f.listing.files, name) {
				return Model{}, fmt.Errorf("%s lacks the shard %s, which %s lists: the model is incomplete", f.ref, name, weights)
			}
		}
		files = append(files, list...)
	}
	var beside, absent []string
	for _, c := range companions {
		if name := path.Join(path.Dir(weights), c); slices.Contains(f.listing.files, name) {
			beside = append(beside, name)
		} else {
			absent = append(absent, name)
		}
	}
	// The small files come first, so that weights in the cache never lack them.
	if err := f.get(ctx, slices.Concat(beside, files), true); err != nil {
		return Model{}, err
	}
	for _, name := range absent {
		if err := f.store.markAbsent(commit, name); err != nil {
			return Model{}, err
		}
	}
	// Only now, because the revision's earlier commit stays usable until the new one is complete.
	if f.ref.Revision != commit {
		if err := f.store.setRef(f.ref.Revision, commit); err != nil {
			return Model{}, err
		}
	}
	return Model{
		Repo: f.ref.Repo, Revision: f.ref.Revision, Commit: commit, Folder: f.store.snapshot(commit), Weights: weights, Files: slices.Concat(files, beside),
	}, nil
}

// get downloads the files that the snapshot lacks. It announces them and shows its progress unless they are few bytes.
func (f *fetching) get(ctx context.Context, names []string, announce bool) error {
	var missing []remote
	var total, there int64 // bytes
	for _, name := range names {
		size, ok := sizeOf(f.store.file(f.listing.commit, name))
		declared, known := f.listing.sizes[name]
		if ok && (!known || size == declared) {
			continue
		}
		if ok {
			f.Note("%s has %d bytes in the cache, the hub declares %d: it is downloaded again", name, size, declared)
		}
		r, err := f.head(ctx, f.ref, f.listing.commit, name)
		if err != nil {
			return err
		}
		if r.size < 0 && known {
			r.size = declared
		}
		missing = append(missing, r)
		total += max(r.size, 0)
		there += f.begun(r)
	}
	if len(missing) == 0 {
		if announce {
			f.Note("%s is commit %s, and the cache has it", f.ref, f.listing.commit)
		}
		return nil
	}
	if err := f.checkSpace(total - there); err != nil {
		return err
	}
	show := func(string, int64) {}
	if announce {
		text := ""
		if there > 0 {
			text = fmt.Sprintf(", of which %s are there already", report.Bytes(there))
		}
		f.Note("%s is commit %s: %s, %s%s, into %s", f.ref, f.listing.commit, report.Count(len(missing), "file"), report.Bytes(total), text, f.Cache)
		show = f.Progress.Download(there, total)
		defer f.Progress.Break()
	}
	var before int64 // of the files before this one
	for _, r := range missing {
		if r.checksum() == "" {
			f.Note("the hub declares no checksum of %s: only its size is checked", r.name)
		}
		last := int64(0)
		err := f.download(ctx, f.ref, f.store, f.listing.commit, r, func(done int64) { last = done; show(r.name, before+done) })
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted with %s of %s of %s, which are kept: the same command continues: %w", report.Bytes(last), sizeText(r.size), r.name, ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", spell.Line(r.name), err)
		}
		if err := f.store.link(f.listing.commit, r); err != nil {
			return err
		}
		before += max(r.size, 0)
	}
	return nil
}

// begun is the number of bytes of a file that the cache has already.
func (f *fetching) begun(r remote) int64 {
	if f.store.complete(r) {
		return max(r.size, 0)
	}
	size, _ := sizeOf(f.store.partial(r.etag))
	return max(0, min(size, r.size))
}

// sizeText formats a size that may be unknown.
func sizeText(n int64) string {
	if n < 0 {
		return "an unknown number of bytes"
	}
	return report.Bytes(n)
}
