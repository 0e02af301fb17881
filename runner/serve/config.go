package serve

import (
	"cmp"
	"net"
	"strconv"
	"time"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/adapter"
)

// Config is the configuration of Serve.
type Config struct {
	runner.AdaptedConfig          // without an Adapter
	Adapters             []string // as adapter.Find takes them
	Watch                string   // folder whose adapters are served, "" for none
	WatchEvery           time.Duration

	Listen, Admin                 string // addresses; no Admin: none
	TokenFile, AdminTokenFile     string
	CertificateFile, KeyFile      string
	Insecure                      bool
	Batch, Queue                  int // images
	Window                        time.Duration
	MaxImages, MaxBody, MaxPixels int // images of a request; MiB of its body; pixels of an image
	MaxConnections                int
	Timeout, ReadTimeout, Drain   time.Duration
	Threads                       int
	LogJSON                       bool
}

// Default returns the configuration without adapters.
func Default() Config {
	return Config{
		WatchEvery: 2 * time.Second, Listen: "127.0.0.1:8501",
		Batch: 32, Queue: 256, Window: 3 * time.Millisecond,
		MaxImages: 64, MaxBody: 32, MaxPixels: 50_000_000, MaxConnections: 1024,
		Timeout: 30 * time.Second, ReadTimeout: 30 * time.Second, Drain: 30 * time.Second,
	}
}

// Settings describes the limits, for flags and checks.
func (c *Config) Settings() []runner.Setting {
	const many = 1e6
	batch := runner.BatchSetting(&c.Batch)
	batch.Help = "`images` of a batch at most"
	return []runner.Setting{
		batch,
		{Name: "queue", Value: &c.Queue, Min: 1, Max: many, Help: "`images` that may wait; a request beyond them gets 503 with Retry-After"},
		{Name: "max-images", Value: &c.MaxImages, Min: 1, Max: many, Help: "`images` of one request at most"},
		{Name: "max-body", Value: &c.MaxBody, Min: 1, Max: 4096, Help: "`MiB` of one request's body at most; all bodies together may take 16 times as much"},
		{Name: "max-pixels", Value: &c.MaxPixels, Min: 1, Max: data.MaxPixels, Help: "`pixels` of one image at most; a larger one is refused before it is decoded"},
		{Name: "max-connections", Value: &c.MaxConnections, Min: 1, Max: many, Help: "open `connections` at most; further ones wait"},
	}
}

// Pauses describes the durations, for flags and checks.
func (c *Config) Pauses() []Pause {
	return []Pause{
		{"window", &c.Window, 0, time.Second, "how long an image waits for others to share its batch"},
		{"timeout", &c.Timeout, time.Millisecond, time.Hour, "time for the answer to a request once it has been read; a later one is 504"},
		{"read-timeout", &c.ReadTimeout, time.Millisecond, time.Hour, "time that a client has to send a request"},
		{"drain", &c.Drain, 0, time.Hour, "time for running requests to end after SIGTERM"},
		{"watch-every", &c.WatchEvery, 10 * time.Millisecond, time.Hour, "pause between two looks at the folder of --watch"},
	}
}

// Pause describes a duration of the configuration.
type Pause struct {
	Name     string // of the flag
	Value    *time.Duration
	Min, Max time.Duration
	Help     string
}

// check returns the adapters, or a UsageError.
func (c *Config) check() ([]adapter.Named, error) {
	if err := runner.Check(c.Settings()); err != nil {
		return nil, err
	}
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return nil, err
	}
	for _, p := range c.Pauses() {
		if *p.Value < p.Min || *p.Value > p.Max {
			return nil, runner.Usagef("--%s %v is not possible: it must be from %v to %v", p.Name, *p.Value, p.Min, p.Max)
		}
	}
	if c.MaxImages > c.Queue {
		return nil, runner.Usagef("--max-images %d is more than --queue %d: such a request could never wait", c.MaxImages, c.Queue)
	}
	if err := c.checkAddresses(); err != nil {
		return nil, err
	}
	if c.Watch == "" && c.WatchEvery != Default().WatchEvery {
		return nil, runner.Usagef("--watch-every %v has no effect without --watch: name the folder to look at", c.WatchEvery)
	}
	if len(c.Adapters) == 0 && c.Watch == "" && c.Admin == "" {
		return nil, runner.Usagef("nothing to serve: give --adapter NAME=FILE, a folder to --watch, or an --admin address")
	}
	list, err := adapter.Find(c.Adapters)
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		if err := checkName(n.Name); err != nil {
			return nil, runner.Usagef("--adapter %s: %w; name it with --adapter NAME=FILE", n.Path, err)
		}
	}
	return list, nil
}

func (c *Config) checkAddresses() error {
	if (c.CertificateFile == "") != (c.KeyFile == "") {
		return runner.Usagef("--tls-cert and --tls-key belong together: give both or none")
	}
	if c.Insecure && c.TokenFile != "" {
		return runner.Usagef("--insecure and --token-file contradict each other: is a token needed or not?")
	}
	for _, a := range []struct{ flag, address, tokenFlag, token string }{
		{"listen", c.Listen, "token-file", c.TokenFile}, {"admin", c.Admin, "admin-token-file", c.AdminTokenFile},
	} {
		if a.address == "" {
			if a.token != "" {
				return runner.Usagef("--%s without --%s: there is nothing to protect", a.tokenFlag, a.flag)
			}
			if a.flag == "listen" {
				return runner.Usagef("--listen is empty: give an address such as 127.0.0.1:8501")
			}
			continue
		}
		host, port, err := net.SplitHostPort(a.address)
		if err != nil {
			return runner.Usagef("--%s %s is no address: give HOST:PORT, such as 127.0.0.1:8501", a.flag, a.address)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return runner.Usagef("--%s %s has no port: give a number from 0 to 65535 after the colon", a.flag, a.address)
		}
		if loopback(host) || a.token != "" || c.Insecure && a.flag == "listen" {
			continue
		}
		if a.flag == "admin" {
			return runner.Usagef("--admin %s can be reached from other machines, where anyone could replace adapters: give --admin-token-file, or an address on 127.0.0.1", a.address)
		}
		return runner.Usagef("--listen %s can be reached from other machines: give --token-file, or say --insecure if everybody may use it", a.address)
	}
	return nil
}

// loopback tells whether a host is this machine only.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// wholeAddress is an address with the scheme.
func (c *Config) wholeAddress(l net.Listener) string {
	scheme := "http"
	if c.CertificateFile != "" {
		scheme = "https"
	}
	return scheme + "://" + cmp.Or(l.Addr().String(), c.Listen)
}
