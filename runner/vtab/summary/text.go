package summary

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// textWidth is the terminal that the table must fit into.
const textWidth = 160

// heads are the papers' short names of the tasks, broken so that no line is wider than a score.
var heads = map[string]string{
	"cifar": "Ci-\nfar", "caltech101": "Cal-\ntech", "dtd": "DTD", "oxford_flowers102": "Flo-\nwer", "oxford_iiit_pet": "Pets",
	"svhn": "SVHN", "sun397": "Sun\n397", "patch_camelyon": "Ca-\nmel-\nyon", "eurosat": "Euro\nSAT", "resisc45": "Re-\nsisc\n45",
	"diabetic_retinopathy": "Re-\ntino\npath", "clevr_count": "Cle-\nvr\nCnt", "clevr_dist": "Cle-\nvr\nDist", "dmlab": "DM\nLab",
	"kitti": "KIT-\nTI\nDist", "dsprites_loc": "dSpr\nLoc", "dsprites_ori": "dSpr\nOri", "smallnorb_azi": "sNO-\nRB\nAzim",
	"smallnorb_ele": "sNO-\nRB\nEle", MeanOfGroups: "of 3\ngroups", MeanOf19: "of 19\ntasks",
}

// track is a column of the text with the blanks before it.
type track struct {
	head  []string
	width int
	gap   int
	group string
}

// text writes the table for a terminal of 160 columns. It is drawn here and not by the library of the other tables, which
// cannot put a title over several columns and needs two blanks between them, so that 24 would not fit.
func (t Table) text(w io.Writer, bold bool) error {
	tracks := t.tracks()
	room := textWidth
	for _, c := range tracks {
		room -= c.width + c.gap
	}
	lines := t.lines()
	label := utf8.RuneCountInString("method")
	for _, l := range lines {
		label = max(label, utf8.RuneCountInString(strings.TrimSpace(l.label(textWidth)+" "+marks(l.notes))))
	}
	label = min(label, room)
	var b strings.Builder
	writeHead(&b, tracks, label)
	for i, l := range lines {
		if i > 0 && t.Rows[i].Quoted && !t.Rows[i-1].Quoted {
			writeRule(&b, tracks, label)
		}
		writeLine(&b, tracks, label, l, bold)
	}
	writeRule(&b, tracks, label)
	for _, c := range t.Caption {
		b.WriteString(wrap(c, "", textWidth))
	}
	if bold {
		b.WriteString(wrap(bestNote, "", textWidth))
	}
	for _, f := range t.Footnotes {
		b.WriteString(wrap(f.Text, fmt.Sprintf("%5s ", mark(f.Number)), textWidth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const bestNote = "Bold: the best measured score of a column where at least two are there."

func (t Table) tracks() []track {
	var list []track
	for _, c := range t.Columns {
		head, ok := heads[c.Key]
		if !ok {
			head = c.Name
		}
		list = append(list, track{head: strings.Split(head, "\n"), width: 4, gap: 1, group: c.Group})
	}
	list = append(list,
		track{head: []string{"Para-", "meters", "M"}, group: "Cost", gap: 1},
		track{head: []string{"Step", "memory", "MiB"}, group: "Cost", gap: 1})
	for i := range list {
		for _, h := range list[i].head {
			list[i].width = max(list[i].width, utf8.RuneCountInString(h))
		}
		if i == 0 || list[i].group != list[i-1].group {
			list[i].gap++
		}
	}
	return list
}

// writeHead writes the groups over their columns, then the columns' names.
func writeHead(b *strings.Builder, tracks []track, label int) {
	var groups, rules strings.Builder
	groups.WriteString(strings.Repeat(" ", label))
	rules.WriteString(strings.Repeat(" ", label))
	for i := 0; i < len(tracks); {
		width, first := -tracks[i].gap, i
		for ; i < len(tracks) && tracks[i].group == tracks[first].group; i++ {
			width += tracks[i].gap + tracks[i].width
		}
		gap := strings.Repeat(" ", tracks[first].gap)
		fmt.Fprintf(&groups, "%s%-*s", gap, width, tracks[first].group)
		rules.WriteString(gap + strings.Repeat("─", width))
	}
	b.WriteString(strings.TrimRight(groups.String(), " ") + "\n" + rules.String() + "\n")
	rows := 0
	for _, c := range tracks {
		rows = max(rows, len(c.head))
	}
	for y := range rows {
		text := strings.Repeat(" ", label)
		if y == rows-1 {
			text = left("method", label)
		}
		for _, c := range tracks {
			h := ""
			if at := y - rows + len(c.head); at >= 0 {
				h = c.head[at]
			}
			text += right(h, c.gap+c.width)
		}
		b.WriteString(text + "\n")
	}
	writeRule(b, tracks, label)
}

func writeRule(b *strings.Builder, tracks []track, label int) {
	width := label
	for _, c := range tracks {
		width += c.gap + c.width
	}
	b.WriteString(strings.Repeat("─", width) + "\n")
}

// writeLine writes the means, and below them the deviations and what did not fit beside the name.
func writeLine(b *strings.Builder, tracks []track, label int, l line, bold bool) {
	name, below := l.label(label), ""
	if m := marks(l.notes); m != "" {
		if utf8.RuneCountInString(name)+1+utf8.RuneCountInString(m) <= label {
			name += " " + m
		} else {
			below = "  " + m
		}
	}
	first, second := left(name, label), left(below, label)
	for i, c := range l.cells {
		width := tracks[i].gap + tracks[i].width
		text := right(c.mean+mark(c.note), width)
		if bold && c.best {
			text = strings.Replace(text, c.mean, "\x1b[1m"+c.mean+"\x1b[0m", 1)
		}
		first += text
		second += right(c.std, width)
	}
	n := len(l.cells)
	first += right(l.parameters, tracks[n].gap+tracks[n].width) + right(l.memory, tracks[n+1].gap+tracks[n+1].width)
	b.WriteString(strings.TrimRight(first, " ") + "\n")
	if second = strings.TrimRight(second, " "); second != "" {
		b.WriteString(second + "\n")
	}
}

func left(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func right(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

// wrap breaks a text into lines behind a head, which later lines are indented by.
func wrap(text, head string, width int) string {
	var b strings.Builder
	line := head
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", utf8.RuneCountInString(head)) + word
		default:
			line += " " + word
		}
	}
	return b.String() + line + "\n"
}

// isTerminal tells whether bold type is shown there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
