// Package serve answers HTTP requests with the classes of images: the adapters of one backbone, in TensorFlow Serving's REST
// interface and one of its own that asks all adapters at once. Images of all clients share batches.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"dtl-tf/graph/jpeg"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/report"
)

// Serve serves until the context ends, then answers the requests that it has and returns nil.
func Serve(ctx context.Context, c Config, ui runner.UI) error {
	ui.Err = report.NewScreen(ui.Err)
	list, err := c.check()
	if err != nil {
		return err
	}
	log := newLog(ui.Err, c.LogJSON)
	s := newServer(c, log)
	certificate, err := s.secure()
	if err != nil {
		return err
	}
	if c.Watch != "" {
		if info, err := os.Stat(c.Watch); err != nil || !info.IsDir() {
			return fmt.Errorf("--watch %s is no folder: make it first", c.Watch)
		}
	}
	fronts, err := s.listen(certificate)
	if err != nil {
		return err
	}
	failed := make(chan error, len(fronts))
	for _, f := range fronts {
		go func() { failed <- f.server.Serve(f.listener) }()
	}
	defer func() {
		for _, f := range fronts {
			f.server.Close()
		}
	}()
	engine, decoder, err := s.load(ctx, list)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		log.Info("stopped before it was ready")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() {
		s.adapters.close()
		if err := engine.Close(); err != nil {
			log.Error("close the backbone", "error", err.Error())
		}
		decoder.Close()
	}()
	watching, stopWatching := context.WithCancel(ctx)
	var watch sync.WaitGroup
	if c.Watch != "" {
		w := newWatcher(c.Watch, s.adapters, s.metrics, log)
		w.look(ctx, true)
		watch.Add(1)
		go func() {
			defer watch.Done()
			w.run(watching, c.WatchEvery)
		}()
	}
	s.begin(engine, s.adapters, decoder)
	for _, f := range fronts {
		fmt.Fprintf(ui.Out, "%s %s\n", f.what, c.wholeAddress(f.listener))
	}
	log.Info("ready", "adapters", len(s.adapters.all()), "image_size", engine.ImageSize())
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	stopWatching()
	watch.Wait()
	return errors.Join(err, s.drain(fronts))
}

// secure reads the tokens and the certificate, which is nil if there is none. It warns of tokens that others can read on their way.
func (s *server) secure() (certificate *tls.Config, err error) {
	c := s.config
	note := func(format string, args ...any) { s.log.Warn(fmt.Sprintf(format, args...)) }
	if s.token, err = readToken("token-file", c.TokenFile, note); err != nil {
		return nil, err
	}
	if s.admin, err = readToken("admin-token-file", c.AdminTokenFile, note); err != nil {
		return nil, err
	}
	if certificate, err = c.certificate(); err != nil {
		return nil, err
	}
	if certificate == nil && s.token != nil && !c.Insecure && !localAddress(c.Listen) {
		note("without --tls-cert, tokens and images cross the network in the clear")
	}
	return certificate, nil
}

// localAddress tells whether an address is of this machine only.
func localAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopback(host)
}

// load loads the backbone and the adapters of the command line.
func (s *server) load(ctx context.Context, list []adapter.Named) (Engine, *jpeg.Decoder, error) {
	first := list
	if len(list) == 0 && s.config.Watch != "" {
		first = firstWatched(s.config.Watch)
	}
	note := s.noteOnce()
	engine, err := openEngine(ctx, s.config.AdaptedConfig, first, s.config.Threads, note)
	if err != nil && ctx.Err() == nil && len(list) == 0 && len(first) > 0 {
		note("the server begins without the adapters of the watched folder: %v", err)
		engine, err = openEngine(ctx, s.config.AdaptedConfig, nil, s.config.Threads, note)
	}
	if err != nil {
		return nil, nil, err
	}
	adapters := newAdapters(engine, s.log)
	for _, n := range list {
		if _, err = adapters.put(ctx, n.Name, n.Path, n.Path, byFlag); err != nil {
			break
		}
	}
	var decoder *jpeg.Decoder
	if err == nil {
		decoder, err = jpeg.NewDecoder(s.config.Threads)
	}
	if err != nil {
		adapters.close()
		engine.Close()
		return nil, nil, err
	}
	s.adapters = adapters
	return engine, decoder, nil
}

// noteOnce returns a function that logs notes, equal ones once: those about the backbone come with every adapter.
func (s *server) noteOnce() runner.NoteFunc {
	var seen sync.Map
	return func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if _, again := seen.LoadOrStore(text, true); !again {
			s.log.Warn(text)
		}
	}
}

// front is a server on one address.
type front struct {
	what     string
	server   *http.Server
	listener net.Listener
}

// listen opens the addresses.
func (s *server) listen(certificate *tls.Config) (fronts []front, err error) {
	c := s.config
	for _, a := range []struct {
		flag, what, address string
		handler             http.Handler
	}{{"listen", "serving on", c.Listen, s.public()}, {"admin", "admin on", c.Admin, s.private()}} {
		if a.address == "" {
			continue
		}
		l, err := net.Listen("tcp", a.address)
		if err != nil {
			for _, f := range fronts {
				f.listener.Close()
			}
			return nil, fmt.Errorf("--%s %s: %w", a.flag, a.address, err)
		}
		limit := limitConnections(l, c.MaxConnections)
		if l = limit; certificate != nil {
			l = tls.NewListener(limit, certificate)
		}
		server := s.httpServer(a.handler)
		server.ConnState = limit.state
		fronts = append(fronts, front{a.what, server, l})
	}
	return fronts, nil
}

// httpServer is a server that slow clients can't occupy. Idle ones give way to others, see limited.
func (s *server) httpServer(h http.Handler) *http.Server {
	c := s.config
	return &http.Server{
		Handler: h, ReadHeaderTimeout: min(c.ReadTimeout, 10*time.Second), ReadTimeout: c.ReadTimeout,
		WriteTimeout: 2*c.ReadTimeout + c.Timeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(quiet{s.log.Handler()}, slog.LevelWarn),
	}
}

// quiet is the log of net/http without what every port scan causes.
type quiet struct{ slog.Handler }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "TLS handshake error") {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// drain answers the requests that the server has, and no others.
func (s *server) drain(fronts []front) error {
	s.phase.Store(draining)
	s.log.Info("stopping: the running requests are answered", "waiting_images", s.queue.length())
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Drain)
	defer cancel()
	errs := make([]error, len(fronts))
	var all sync.WaitGroup
	for i, f := range fronts {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := f.server.Shutdown(ctx); err != nil {
				f.server.Close()
				errs[i] = fmt.Errorf("requests on %s were cut off: they ran longer than --drain %v", f.listener.Addr(), s.config.Drain)
			}
		}()
	}
	all.Wait()
	s.end()
	return errors.Join(errs...)
}
