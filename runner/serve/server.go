package serve

import (
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"

	"dtl-tf/graph/jpeg"
)

// server answers HTTP requests.
type server struct {
	config  Config
	log     *slog.Logger
	metrics *metrics
	token   *token // of the public address
	admin   *token // of the admin address

	queue    *queue
	bodies   budget
	decoding chan struct{} // one place for each image that is decoded

	// Set by begin.
	phase    atomic.Int32
	adapters *adapters
	decoder  *jpeg.Decoder
	batcher  *batcher
	stopped  chan struct{} // closed when the batcher has ended
}

// The phases of a server.
const (
	starting int32 = iota
	serving
	draining
)

// bodiesAtOnce is how many of the largest bodies fit into memory at a time.
const bodiesAtOnce = 16

func newServer(c Config, log *slog.Logger) *server {
	s := &server{config: c, log: log, queue: newQueue(c.Queue), decoding: make(chan struct{}, runtime.GOMAXPROCS(0)), stopped: make(chan struct{})}
	s.bodies.free = int64(c.MaxBody) << 20 * bodiesAtOnce
	s.metrics = newMetrics(func() float64 { return float64(s.queue.length()) }, func() float64 {
		if s.phase.Load() == starting {
			return 0
		}
		return float64(len(s.adapters.all()))
	})
	return s
}

// begin has the server answer requests with an engine and its adapters.
func (s *server) begin(e Engine, adapters *adapters, decoder *jpeg.Decoder) {
	s.adapters, s.decoder = adapters, decoder
	s.batcher = &batcher{engine: e, queue: s.queue, largest: s.config.Batch, window: s.config.Window, metrics: s.metrics}
	s.phase.Store(serving)
	go func() {
		defer close(s.stopped)
		s.batcher.run()
	}()
}

// end waits for the images in the queue. Requests that come later are refused.
func (s *server) end() {
	s.queue.close()
	<-s.stopped
}

// handler is a handler that returns an error instead of answering with it.
type handler func(w http.ResponseWriter, r *http.Request) error

// route answers requests of one method. name is the route in the metrics.
func (s *server) route(name, method string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := entryOf(r)
		e.route = name
		err := func() error {
			if method != "" && r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
				return notAllowed(w, r, method)
			}
			return h(w, r)
		}()
		if err != nil {
			if e.err = err; name != "health" {
				s.refuse(err)
			}
			writeError(w, err)
		}
	})
}

func notAllowed(w http.ResponseWriter, r *http.Request, want string) error {
	w.Header().Set("Allow", want)
	return failf(http.StatusMethodNotAllowed, "%.20s is not allowed here: use %s", r.Method, want)
}

// refuse counts the refusals that protect the server.
func (s *server) refuse(err error) {
	switch statusOf(err) {
	case http.StatusServiceUnavailable:
		s.metrics.refused.WithLabelValues("busy").Inc()
	case http.StatusRequestEntityTooLarge:
		s.metrics.refused.WithLabelValues("large").Inc()
	case http.StatusRequestTimeout:
		s.metrics.refused.WithLabelValues("slow").Inc()
	}
}

// loaded refuses requests until the server has its engine.
func (s *server) loaded(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.phase.Load() == starting {
			return failf(http.StatusServiceUnavailable, "the server is loading its backbone")
		}
		return h(w, r)
	}
}

// public is the handler of the public address.
func (s *server) public() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/predict", s.token.protect(s.route("all", http.MethodPost, s.loaded(s.predictAll))))
	mux.Handle("/v1/models/", s.token.protect(s.route("models", "", s.loaded(s.models))))
	mux.Handle("/metrics", s.token.protect(s.route("metrics", http.MethodGet, s.showMetrics)))
	mux.Handle("/healthz", s.route("health", http.MethodGet, s.alive))
	mux.Handle("/readyz", s.route("health", http.MethodGet, s.readiness))
	mux.Handle("/{$}", s.route("page", http.MethodGet, showPage))
	mux.Handle("/", s.route("other", "", func(_ http.ResponseWriter, r *http.Request) error { return malformed(r) }))
	return s.logged(safe(mux))
}

// private is the handler of the admin address.
func (s *server) private() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/adapters", s.route("admin", http.MethodGet, s.loaded(s.listAdapters)))
	mux.Handle("/v1/adapters/{name}", s.route("admin", "", s.loaded(s.changeAdapter)))
	mux.Handle("/metrics", s.route("metrics", http.MethodGet, s.showMetrics))
	mux.Handle("/healthz", s.route("health", http.MethodGet, s.alive))
	mux.Handle("/readyz", s.route("health", http.MethodGet, s.readiness))
	mux.Handle("/", s.route("other", "", func(_ http.ResponseWriter, r *http.Request) error { return malformed(r) }))
	if s.admin == nil {
		return s.logged(localOnly(safe(mux)))
	}
	return s.logged(s.admin.protect(safe(mux)))
}

// safe sets the headers that keep browsers from guessing what an answer is.
func safe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *server) showMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler().ServeHTTP(w, r)
	return nil
}

// alive answers /healthz: the process runs.
func (s *server) alive(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// readiness answers /readyz: requests can be sent here.
func (s *server) readiness(w http.ResponseWriter, _ *http.Request) error {
	switch s.phase.Load() {
	case starting:
		return failf(http.StatusServiceUnavailable, "the server is loading its backbone")
	case draining:
		return errClosed
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "ready", "adapters": len(s.adapters.all())})
	return nil
}
