package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics tells, in a registry of their own: several servers may run in one process.
type metrics struct {
	registry *prometheus.Registry

	requests                *prometheus.CounterVec
	seconds                 *prometheus.HistogramVec
	decode, wait, inference prometheus.Histogram
	size                    prometheus.Histogram
	blocks, saved           prometheus.Counter
	changes                 *prometheus.CounterVec
	refused                 *prometheus.CounterVec
}

func newMetrics(queued, adapters func() float64) *metrics {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 16) // 1 ms to 33 s
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "dtl_tf", Name: name, Help: help, Buckets: buckets})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "dtl_tf", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "dtl_tf", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, value func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "dtl_tf", Name: name, Help: help}, value)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("http_requests_total", "HTTP requests by route and status.", "route", "code"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "dtl_tf", Name: "http_request_duration_seconds", Help: "Time from a request's headers to the end of its answer.", Buckets: seconds,
		}, []string{"route"}),
		decode:    histogram("decode_seconds", "Time to decode and scale the images of a request.", seconds),
		wait:      histogram("queue_wait_seconds", "Time that an image waited for its batch to begin.", seconds),
		inference: histogram("batch_compute_seconds", "Time to compute a batch.", seconds),
		size:      histogram("batch_images", "Images of a batch.", prometheus.ExponentialBuckets(1, 2, 9)),
		blocks:    counter("blocks_run_total", "Blocks of the backbone that were computed, one for each image."),
		saved:     counter("blocks_saved_total", "Blocks that were not computed again because adapters share them."),
		changes:   counters("adapter_changes_total", "Adapters that were loaded, removed or refused.", "result"),
		refused:   counters("refused_total", "Requests that were refused to protect the server, by reason.", "reason"),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.decode, m.wait, m.inference, m.size, m.blocks, m.saved, m.changes, m.refused,
		gauge("queue_images", "Images that wait for a batch.", queued), gauge("adapters", "Adapters that are served.", adapters),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) answered(route string, code int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) batch(images int, took time.Duration) {
	m.size.Observe(float64(images))
	m.inference.Observe(took.Seconds())
}

func (m *metrics) queued(d time.Duration)  { m.wait.Observe(d.Seconds()) }
func (m *metrics) decoded(d time.Duration) { m.decode.Observe(d.Seconds()) }

func (m *metrics) work(r Result) {
	m.blocks.Add(float64(r.Run))
	m.saved.Add(float64(max(r.Alone-r.Run, 0)))
}
