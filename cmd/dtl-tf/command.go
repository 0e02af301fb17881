package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/compare"
)

// command is one command of the program.
type command struct {
	name        string // one word or two: "fine-tune", "backbone inspect"
	args        string // arguments after the flags, for help; "" accepts none
	purpose     string // one line
	details     string // more help, with its line breaks
	examples    []string
	writesFiles bool // its result is on the disk, so it continues when nobody reads its output
	// flags defines the flags in groups and returns the function to run once they are parsed.
	flags func(g *groups) func(ctx context.Context, args []string, io streams) error
}

// commands lists the commands in the order of the help.
func commands() []command {
	return []command{fineTuneCommand, evalCommand, predictCommand, reportCommand, serveCommand, planCommand, compareCommand, mergeCommand, exportModelCommand, inspectCommand, exportCommand, fetchCommand, dataCheckCommand, prepareCommand, cacheListCommand, cacheClearCommand, vtabRunCommand, vtabSearchCommand, vtabTableCommand, vtabCheckCommand, fewshotRunCommand, fewshotTableCommand, domainRunCommand, domainTableCommand, workerCommand, doctorCommand, completionCommand(), versionCommand}
}

// flagGroup is a titled set of flags.
type flagGroup struct {
	title string
	set   *pflag.FlagSet
}

// groups holds the flags of a command.
type groups struct {
	list []flagGroup
	all  *pflag.FlagSet
}

// add starts a group; define adds its flags.
func (g *groups) add(title string, define func(f *pflag.FlagSet)) {
	set := pflag.NewFlagSet(title, pflag.ContinueOnError)
	set.SortFlags = false
	define(set)
	g.list = append(g.list, flagGroup{title, set})
	g.all.AddFlagSet(set)
}

func newGroups(name string) *groups {
	all := pflag.NewFlagSet(name, pflag.ContinueOnError)
	all.SortFlags = false
	all.Usage = func() {}
	return &groups{all: all}
}

// dispatch finds the command in args and runs it.
func dispatch(ctx context.Context, args []string, io streams) error {
	if len(args) == 0 {
		printOverview(io.err)
		return usagef("no command given")
	}
	switch args[0] {
	case "help", "--help", "-h":
		return help(args[1:], io)
	case "--version":
		args = append([]string{"version"}, args[1:]...)
	case compare.ChildCommand: // users do not start it, and help does not list it
		return compare.Child(os.Stdin, io.out, func() { os.Exit(exitFailed) })
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	io.out.optional = c.writesFiles
	g := newGroups(c.name)
	execute := c.flags(g)
	if err := parse(g.all, rest); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			printHelp(io.out, c, g)
			return nil
		}
		return usagef("%s: %w%s (see 'dtl-tf %s --help')", c.name, err, meantFlag(err, g.all), c.name)
	}
	if c.args == "" && g.all.NArg() > 0 {
		return usagef("%s: unexpected argument %q%s (see 'dtl-tf %s --help')", c.name, g.all.Arg(0), meantPath(g.all.Arg(0), g.all), c.name)
	}
	for i, arg := range g.all.Args() {
		if strings.TrimSpace(arg) == "" {
			return usagef("%s: argument %d is empty: is a variable of the shell not set?", c.name, i+1)
		}
	}
	if err := execute(ctx, g.all.Args(), io); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// octal are numbers that package strconv reads to the base of 8.
var octal = regexp.MustCompile("^[+-]?0[0-9_]+$")

// isWhole tells whether a flag is a whole number.
func isWhole(f *pflag.Flag) bool {
	return slices.Contains([]string{"int", "int64", "uint64"}, f.Value.Type())
}

// parse sets the flags of a command line. It refuses what would have no effect without anybody noticing: an empty value, which is what a
// variable of the shell that is not set leaves, and two values for a flag that takes one.
func parse(all *pflag.FlagSet, args []string) error {
	before := map[string]string{}
	return all.ParseAll(args, func(f *pflag.Flag, value string) error {
		if strings.TrimSpace(value) == "" {
			return fmt.Errorf("--%s is empty: give it a value or leave it out", f.Name)
		}
		first, again := before[f.Name]
		if _, several := f.Value.(pflag.SliceValue); again && !several && first != value {
			return fmt.Errorf("--%s is given twice, with %s and with %s: give it once", f.Name, first, value)
		}
		before[f.Name] = value
		if isWhole(f) && octal.MatchString(value) {
			return fmt.Errorf("--%s %s begins with 0, which would make it an octal number: leave the 0 out", f.Name, value)
		}
		return all.Set(f.Name, value)
	})
}

// find matches the longest command name at the start of args.
func find(args []string) (command, []string, error) {
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for _, c := range commands() {
			if c.name == name {
				return c, args[words:], nil
			}
		}
	}
	var names, under []string
	for _, c := range commands() {
		names = append(names, c.name)
		if strings.HasPrefix(c.name, args[0]+" ") {
			under = append(under, c.name)
		}
	}
	if under != nil {
		return command{}, nil, usagef("%q needs a second word: %s", args[0], strings.Join(under, ", "))
	}
	if meant := meantCommand(args[0], names); meant != "" {
		return command{}, nil, usagef("unknown command %q: did you mean %s? 'dtl-tf help' lists all", args[0], meant)
	}
	return command{}, nil, usagef("unknown command %q: use one of %s, help", args[0], strings.Join(names, ", "))
}

func usagef(format string, args ...any) error {
	return &runner.UsageError{Err: fmt.Errorf(format, args...)}
}
