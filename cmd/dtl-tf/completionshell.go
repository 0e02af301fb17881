package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// replies writes the parts of a script that bash and zsh share: for $command and $flag it sets what may follow. The reply is in $texts,
// separated by spaces, in $kind (files, folders or nothing) and in $list, which is not empty if texts may follow each other with commas.
func replies(all []completed) string {
	var b strings.Builder
	first, nexts := firstWords(all)
	b.WriteString("\tcase $command in\n")
	fmt.Fprintf(&b, "\t'') texts='%s' ;;\n", strings.Join(append(first, "--help", "--version"), " "))
	for _, word := range slices.Sorted(maps.Keys(nexts)) {
		fmt.Fprintf(&b, "\t'%s ') texts='%s' ;;\n", word, strings.Join(nexts[word], " "))
	}
	for _, c := range all {
		fmt.Fprintf(&b, "\t'%s')\n\t\tcase $flag in\n", c.name)
		var words []string
		for _, f := range c.flags {
			words = append(words, f.words()...)
			if f.takes {
				fmt.Fprintf(&b, "\t\t%s) %s ;;\n", strings.Join(f.words(), "|"), f.value.assignments())
			}
		}
		fmt.Fprintf(&b, "\t\t*) if [[ $cur == -* ]]; then texts='%s'; else %s; fi ;;\n\t\tesac\n\t\t;;\n", strings.Join(words, " "), c.args.assignments())
	}
	b.WriteString("\tesac\n")
	return b.String()
}

// assignments set $texts, $kind and $list.
func (v completedValue) assignments() string {
	kind := "none"
	switch {
	case v.files:
		kind = "files"
	case v.folders:
		kind = "folders"
	}
	text := fmt.Sprintf("texts='%s' kind=%s", strings.Join(v.texts, " "), kind)
	if v.list {
		text += " list=yes"
	}
	return text
}

// commandCase finds the command in the words $one and $two: its name, a first word and a space, or nothing.
func commandCase(all []completed) string {
	var b strings.Builder
	b.WriteString("\tcase \"$one $two\" in\n")
	_, nexts := firstWords(all)
	for _, c := range all {
		if strings.Contains(c.name, " ") {
			fmt.Fprintf(&b, "\t'%s') command='%s' ;;\n", c.name, c.name)
		}
	}
	for _, word := range slices.Sorted(maps.Keys(nexts)) {
		fmt.Fprintf(&b, "\t'%s '*) command='%s ' ;;\n", word, word)
	}
	b.WriteString("\t*) command=$one ;;\n\tesac\n")
	return b.String()
}

func bashCompletion(all []completed) string {
	return `# Completion of dtl-tf for bash. Load it with: source <(dtl-tf completion bash)
_dtl_tf() {
	local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} before= one= two= command= texts= kind=none list=
	COMPREPLY=()
	if [[ $cur == = ]]; then # bash takes --flag=value apart
		cur=
	elif [[ $flag == = ]]; then
		flag=${COMP_WORDS[COMP_CWORD-2]}
	elif [[ $cur == --*=* ]]; then
		flag=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}
	fi
	((COMP_CWORD > 1)) && one=${COMP_WORDS[1]}
	((COMP_CWORD > 2)) && two=${COMP_WORDS[2]}
` + commandCase(all) + replies(all) + `	if [[ $list && $cur == *,* ]]; then
		before+=${cur%,*}, cur=${cur##*,}
	fi
	COMPREPLY=($(compgen -P "$before" -W "$texts" -- "$cur"))
	local IFS=$'\n'
	case $kind in
	files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -P "$before" -f -- "$cur")) ;;
	folders) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -P "$before" -d -- "$cur")) ;;
	esac
}
complete -F _dtl_tf dtl-tf
`
}

func zshCompletion(all []completed) string {
	return `#compdef dtl-tf
# Completion of dtl-tf for zsh. Load it after compinit with: source <(dtl-tf completion zsh)
_dtl_tf() {
	local cur=${words[CURRENT]} flag=${words[CURRENT-1]} one= two= command= texts= kind=none list=
	if [[ $cur == --*=* ]]; then
		flag=${cur%%=*} cur=${cur#*=}
		compset -P 1 '*='
	fi
	((CURRENT > 2)) && one=${words[2]}
	((CURRENT > 3)) && two=${words[3]}
` + commandCase(all) + replies(all) + `	[[ -n $list ]] && compset -P '*,'
	[[ -n $texts ]] && compadd -- ${=texts}
	case $kind in
	files) _files ;;
	folders) _files -/ ;;
	esac
}
if [[ $funcstack[1] == _dtl_tf || $funcstack[1] == _dtl-tf ]]; then
	_dtl_tf "$@"
else
	compdef _dtl_tf dtl-tf
fi
`
}

func fishCompletion(all []completed) string {
	var b strings.Builder
	b.WriteString(`# Completion of dtl-tf for fish. Put it into ~/.config/fish/completions/dtl-tf.fish
function __dtl_tf_after
    set -l words (commandline -opc)
    test (count $words) -gt (count $argv); or return 1
    for i in (seq (count $argv))
        test $words[(math $i + 1)] = $argv[$i]; or return 1
    end
end
function __dtl_tf_only
    test (count (commandline -opc)) -eq (math (count $argv) + 1); and __dtl_tf_after $argv
end
complete -c dtl-tf -f
`)
	first, nexts := firstWords(all)
	for _, word := range first {
		purpose := strings.Join(nexts[word], ", ")
		for _, c := range all {
			if c.name == word {
				purpose = c.purpose
			}
		}
		fmt.Fprintf(&b, "complete -c dtl-tf -n __dtl_tf_only -a '%s' -d '%s'\n", word, firstPart(purpose))
	}
	for _, c := range all {
		words := strings.Fields(c.name)
		if len(words) > 1 {
			fmt.Fprintf(&b, "complete -c dtl-tf -n '__dtl_tf_only %s' -a '%s' -d '%s'\n", words[0], words[1], firstPart(c.purpose))
		}
		fmt.Fprintf(&b, "complete -c dtl-tf -n '__dtl_tf_after %s'%s\n", c.name, c.args.fish())
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c dtl-tf -n '__dtl_tf_after %s' -l %s", c.name, f.name)
			if f.short != "" {
				fmt.Fprintf(&b, " -s %s", f.short)
			}
			switch {
			case f.takes && f.value.files:
				b.WriteString(" -r")
			case f.takes:
				b.WriteString(" -x")
			}
			fmt.Fprintf(&b, "%s -d '%s'\n", f.value.fish(), f.help)
		}
	}
	return b.String()
}

// fish are the arguments of complete for a value.
func (v completedValue) fish() (text string) {
	switch {
	case v.files:
		text = " -F"
	case v.folders:
		text = " -a '(__fish_complete_directories)'"
	}
	if len(v.texts) > 0 {
		text += " -a '" + strings.Join(v.texts, " ") + "'"
	}
	return text
}
