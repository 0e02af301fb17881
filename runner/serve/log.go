package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// newLog returns the log of the server, lines of text or JSON.
func newLog(w io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// entry is what handlers add to the line of their request in the access log.
type entry struct {
	route                   string // for the metrics
	images, adapters, batch int
	decode, queued, compute time.Duration
	err                     error
}

type entryKey struct{}

// entryOf returns the entry of a request that passed through logged.
func entryOf(r *http.Request) *entry {
	if e, ok := r.Context().Value(entryKey{}).(*entry); ok {
		return e
	}
	return &entry{}
}

// recorder remembers status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap returns the writer behind, for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged writes a line for each request and counts it. A handler that panics answers 500.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		e := &entry{route: "other"}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				s.log.Error("a request failed in a way that this program did not expect", "panic", v, "path", r.URL.Path)
				if rec.status == 0 {
					writeError(rec, failf(http.StatusInternalServerError, "the server failed, see its log"))
				}
			}
			s.access(r, e, rec, time.Since(begun))
		}()
		next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), entryKey{}, e)))
	})
}

func (s *server) access(r *http.Request, e *entry, rec *recorder, took time.Duration) {
	s.metrics.answered(e.route, rec.status, took)
	level := slog.LevelInfo
	switch {
	case e.route == "health" || e.route == "metrics":
		level = slog.LevelDebug // several a minute, from machines
	case rec.status >= 500:
		level = slog.LevelError
	}
	list := []slog.Attr{
		slog.String("remote", r.RemoteAddr), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took.Round(time.Microsecond)),
	}
	if e.images > 0 {
		list = append(list, slog.Int("images", e.images), slog.Int("adapters", e.adapters))
	}
	if e.batch > 0 {
		list = append(list, slog.Int("batch", e.batch), slog.Duration("decode", e.decode.Round(time.Microsecond)),
			slog.Duration("queued", e.queued.Round(time.Microsecond)), slog.Duration("compute", e.compute.Round(time.Microsecond)))
	}
	if e.err != nil {
		list = append(list, slog.String("error", e.err.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", list...)
}
