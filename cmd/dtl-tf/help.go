package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// helpWidth is the column at which flag descriptions wrap.
const helpWidth = 96

// help prints the overview, or the page of one command.
func help(args []string, io streams) error {
	if len(args) == 0 {
		printOverview(io.out)
		return nil
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("help %s: unexpected argument %q", c.name, rest[0])
	}
	g := newGroups(c.name)
	c.flags(g)
	printHelp(io.out, c, g)
	return nil
}

func printOverview(w io.Writer) {
	fmt.Fprint(w, `dtl-tf - fine-tune frozen vision backbones with Disentangled Transfer Learning (DTL)

Examples:
  dtl-tf fine-tune --data data/digits --out runs/digits
  dtl-tf fine-tune --backbone ViT-B_16.npz --data vtab-1k/eurosat --method dtl+ --kernel 3 --out runs/eurosat
  dtl-tf eval --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --data vtab-1k/eurosat
  dtl-tf predict --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors photo.jpg

Commands:
`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-18s %s\n", c.name, c.purpose)
	}
	fmt.Fprint(w, `
'dtl-tf COMMAND --help' describes a command and its flags.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
`)
}

// printHelp prints the page of one command: purpose, examples, usage, details, flags in groups.
func printHelp(w io.Writer, c command, g *groups) {
	fmt.Fprintf(w, "dtl-tf %s - %s\n\n", c.name, c.purpose)
	if len(c.examples) > 0 {
		fmt.Fprintf(w, "Examples:\n")
		for _, e := range c.examples {
			fmt.Fprintf(w, "  %s\n", e)
		}
		fmt.Fprintln(w)
	}
	usage := "dtl-tf " + c.name
	if len(g.list) > 0 {
		usage += " [flags]"
	}
	fmt.Fprintf(w, "Usage:\n  %s\n", strings.TrimSpace(usage+" "+c.args))
	if c.details != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.details))
	}
	for _, group := range g.list {
		fmt.Fprintf(w, "\n%s:\n%s", group.title, group.set.FlagUsagesWrapped(helpWidth))
	}
}

var versionCommand = command{
	name:    "version",
	purpose: "print the version of the program",
	flags: func(*groups) func(context.Context, []string, streams) error {
		return func(_ context.Context, args []string, io streams) error {
			fmt.Fprintf(io.out, "dtl-tf %s\n", version)
			return nil
		}
	},
}
