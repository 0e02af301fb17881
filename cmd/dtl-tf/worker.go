package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/cluster"
)

var workerCommand = command{
	name:    "worker",
	purpose: "lend this machine's devices to a training run on another (fine-tune --cluster)",
	details: `
Serves a member of a cluster until it is stopped. The file --cluster is the same on all machines: a line
HOST:PORT for each member, first that of the training run, then those of the workers. All members must run
the same build of this program; 'fine-tune --cluster FILE' refuses others.

The protocol is TensorFlow's own (gRPC) and has NO AUTHENTICATION AND NO ENCRYPTION: whoever reaches the port
can run code as this user and read what is trained. A worker listens on the loopback address unless --listen
names another; use one of a private network only.

One worker serves one run after another. If it ends during a run, the run ends with its name and a checkpoint
with every step that was done.`,
	examples: []string{
		"dtl-tf worker --listen 10.0.0.2:2222 --cluster cluster.txt",
		"printf '127.0.0.1:2221\\n127.0.0.1:2222\\n' > cluster.txt; dtl-tf worker --cluster cluster.txt",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var w cluster.Worker
		var quiet bool
		g.add(runner.GroupMachine, func(f *pflag.FlagSet) {
			f.StringVar(&w.Cluster, "cluster", "", "`file` with the addresses of all members (required)")
			f.StringVar(&w.Listen, "listen", cluster.DefaultListen, "`HOST:PORT` to listen on, a line of the file; the host 0.0.0.0 is all addresses of this machine")
			define(f, runner.ThreadsSetting(&w.Threads))
			f.BoolVarP(&quiet, "quiet", "q", false, "print errors only")
		})
		return func(ctx context.Context, _ []string, io streams) error {
			return w.Run(ctx, io.ui(quiet))
		}
	},
}
