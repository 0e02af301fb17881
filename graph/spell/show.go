package spell

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UTF8 is a name as JSON can hold it: as it is, or as strconv.Quote writes it if it is not UTF-8. A name that begins with a
// quotation mark is quoted too, so that strconv.Unquote gets back every name that begins with one here.
func UTF8(name string) string {
	if strings.HasPrefix(name, `"`) || !utf8.ValidString(name) {
		return strconv.Quote(name)
	}
	return name
}

// Line is [UTF8] for a name within a line of text: a name that is empty or that would break the line or its columns is
// quoted too.
func Line(name string) string {
	if name == "" || strings.ContainsFunc(name, breaks) {
		return strconv.Quote(name)
	}
	return UTF8(name)
}

// breaks tells whether a terminal or a program that reads lines may take the character for more than a character.
func breaks(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// Few lists the first names, each as [Line] has it, and says how many more there are: "a, b and 3 more".
func Few(names []string, most int) string {
	shown := make([]string, min(len(names), most))
	for i := range shown {
		shown[i] = Line(names[i])
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
