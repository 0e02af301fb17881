package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/hub"
)

var fetchCommand = command{
	name:    "backbone fetch",
	args:    "OWNER/NAME[@REVISION]",
	purpose: "download a backbone from a model hub",
	details: `
Downloads the weights (.safetensors) and the config files beside them, and prints the path that --backbone takes.
--backbone hf:OWNER/NAME[@REVISION] does the same in one word, but asks the hub only for what the cache lacks;
this command also asks what the revision is now. REVISION is a branch (default: main), a tag or a commit.

The cache is that of Python's huggingface_hub, so that both find each other's files. A broken or interrupted
download continues where it stopped. Files are checked against the size and the checksum that the hub declares.

Environment:
  HF_TOKEN        a token for private and gated models (default: that of HF_HOME/token); only the hub itself gets it
  HF_HOME         the folder of cache and token (default: ~/.cache/huggingface)
  HF_HUB_CACHE    the folder of the cache (default: HF_HOME/hub)
  HF_HUB_OFFLINE  1: use the cache and never the network
  HF_ENDPOINT     the address of the hub (default: the public one of Hugging Face)
  HTTPS_PROXY     the address of a proxy; SSL_CERT_FILE: the certificates to trust`,
	examples: []string{
		"dtl-tf backbone fetch timm/vit_base_patch16_224.augreg_in21k",
		"dtl-tf fine-tune --backbone hf:timm/vit_base_patch16_224.augreg_in21k --data my-photos --out runs/photos",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			file          string
			asJSON, quiet bool
		)
		g.add("What", func(f *pflag.FlagSet) {
			f.StringVar(&file, "file", "", "`name` of the weights in a model that has several (default: model.safetensors and the like)")
		})
		g.add("Output", func(f *pflag.FlagSet) {
			f.BoolVar(&asJSON, "json", false, "print JSON: model, commit, files and path")
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if len(args) != 1 {
				return usagef("name one model, such as timm/vit_base_patch16_224.augreg_in21k")
			}
			m, err := runner.Fetch(ctx, args[0], file, io.ui(quiet))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(io.out, struct {
					hub.Model
					Path string `json:"path"`
				}{m, m.Path()})
			}
			_, err = fmt.Fprintln(io.out, m.Path())
			return err
		}
	},
}
