package spell

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UTF8 is name in a form that JSON can hold: unchanged, or quoted by strconv.Quote if it is not UTF-8. A name that begins with a
// quotation mark is quoted too, so that every result that begins with one can be unquoted.
func UTF8(name string) string {
	if strings.HasPrefix(name, `"`) || !utf8.ValidString(name) {
		return strconv.Quote(name)
	}
	return name
}

// Line is [UTF8] for a name within a line of text: it also quotes names that are empty or would break the line or its columns.
func Line(name string) string {
	if name == "" || strings.ContainsFunc(name, breaks) {
		return strconv.Quote(name)
	}
	return UTF8(name)
}

// breaks tells whether a terminal or a line-based program may interpret r as a control character or line break.
func breaks(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// Few lists the first maxShown names, each formatted by [Line], and counts the rest: "a, b and 3 more".
func Few(names []string, maxShown int) string {
	shown := make([]string, min(len(names), maxShown))
	for i := range shown {
		shown[i] = Line(names[i])
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Shell is a path as an argument of a command that a user may copy into a shell: in single quotes if it holds anything but letters,
// digits and a few signs. A path that is no line of text is shown by [Line] and can't be copied.
func Shell(path string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./=:@+,", r)
	}
	if line := Line(path); line != path {
		return line
	}
	if !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
