package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/serve"
)

var serveCommand = command{
	name:    "serve",
	purpose: "answer HTTP requests with the adapters of one backbone",
	details: `
Serves any number of adapters of one backbone: what they share of it is computed once for all of them, and its
weights are in memory once. Images of all requests are computed in batches.

  GET  /                          a page to try an image on
  POST /v1/predict                an image, or a form with images: every adapter's answer for each
  POST /v1/models/NAME:predict    TensorFlow Serving's REST interface, with images as {"b64": "..."};
                                  also :classify, and GET /v1/models/NAME and /v1/models/NAME/metadata
  GET  /healthz, /readyz, /metrics   the process runs; it takes requests; its figures for Prometheus

--adapter takes the file of an adapter, the folder of a run, or a folder of such folders; NAME=FILE names it,
otherwise the name is that of the run's folder or of the file. --watch serves each NAME.safetensors and each run
folder NAME in a folder, and follows changes. With --admin, POST and DELETE /v1/adapters/NAME on a second address
add, replace and remove adapters. Requests that are running finish on the adapter that they began with.

SIGTERM and Ctrl-C stop the server once it has answered the requests that it has. Then it exits with 0.`,
	examples: []string{
		"dtl-tf serve --adapter cats=runs/cats --adapter tiles=runs/tiles",
		"dtl-tf serve --backbone ViT-B_16.npz --watch adapters --admin 127.0.0.1:8502",
		"dtl-tf serve --adapter runs/cats --listen :8501 --token-file token --tls-cert cert.pem --tls-key key.pem",
	},
	writesFiles: true, // it continues when nobody reads its output
	flags: func(g *groups) func(context.Context, []string, streams) error {
		c := serve.Default()
		var adapted adaptedFlags
		g.add("Adapters", func(f *pflag.FlagSet) {
			f.StringArrayVar(&c.Adapters, "adapter", nil, "adapter `NAME=FILE`, once for each adapter")
			f.StringVar(&c.Watch, "watch", "", "`folder` whose adapters are served")
		})
		g.add("Addresses", func(f *pflag.FlagSet) {
			f.StringVar(&c.Listen, "listen", c.Listen, "`address` for requests, HOST:PORT")
			f.StringVar(&c.TokenFile, "token-file", "", "`file` with a token that requests must bear; needed unless --listen is on this machine only")
			f.StringVar(&c.CertificateFile, "tls-cert", "", "PEM `file` of the certificate chain, for HTTPS")
			f.StringVar(&c.KeyFile, "tls-key", "", "PEM `file` of the certificate's key")
			f.BoolVar(&c.Insecure, "insecure", false, "let everybody who can reach --listen use it, without a token")
			f.StringVar(&c.Admin, "admin", "", "`address` on which adapters can be changed (default: none)")
			f.StringVar(&c.AdminTokenFile, "admin-token-file", "", "`file` with a token for --admin; needed unless that is on this machine only")
		})
		g.add("Limits", func(f *pflag.FlagSet) {
			define(f, c.Settings()...)
			for _, p := range c.Pauses() {
				f.DurationVar(p.Value, p.Name, *p.Value, p.Help)
			}
		})
		adapted.define(g)
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
			f.BoolVar(&c.LogJSON, "log-json", false, "log to standard error as JSON, one object per line")
		})
		return func(ctx context.Context, _ []string, io streams) error {
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			return serve.Serve(ctx, c, io.ui(false))
		}
	},
}
