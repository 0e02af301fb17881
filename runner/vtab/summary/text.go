package summary

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dtl-tf/runner/report"
)

// textWidth is the width of the terminal that the table must fit.
const textWidth = 160

// heads are the papers' short names of the tasks, broken into lines no wider than a score.
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

// right aligns a cell, gap included.
func (c track) right(text string) string { return fmt.Sprintf("%*s", c.gap+c.width, text) }

// text writes the table for a terminal of 160 columns. The library of the other tables cannot put a title over several columns and
// needs two blanks between columns, with which 24 would not fit.
func (t Table) text(w io.Writer, bold bool) error {
	lines, tracks := t.lines(), t.tracks()
	width := 0 // of all tracks
	for _, c := range tracks {
		width += c.gap + c.width
	}
	label := utf8.RuneCountInString("method")
	for _, l := range lines {
		label = max(label, utf8.RuneCountInString(l.label(textWidth)+set(" [%s]", l.notes)))
	}
	label = min(label, textWidth-width)
	rule := strings.Repeat("─", label+width) + "\n"
	var b strings.Builder
	writeHead(&b, tracks, label)
	b.WriteString(rule)
	for i, l := range lines {
		if t.quotesBegin(i) {
			b.WriteString(rule)
		}
		writeLine(&b, tracks, label, l, bold)
	}
	b.WriteString(rule)
	caption := t.Caption
	if bold {
		caption = append(slices.Clone(caption), bestNote)
	}
	for _, c := range caption {
		b.WriteString(report.Wrap("", "", c, textWidth) + "\n")
	}
	for _, f := range t.Footnotes {
		head := fmt.Sprintf("%5s ", fmt.Sprintf("[%d]", f.Number))
		b.WriteString(report.Wrap(head, strings.Repeat(" ", len(head)), f.Text, textWidth) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Table) tracks() (list []track) {
	for _, c := range t.Columns {
		list = append(list, track{head: strings.Split(cmp.Or(heads[c.Key], c.Name), "\n"), width: 4, gap: 1, group: c.Group})
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
	blank := strings.Repeat(" ", label)
	groups, rules, rows := blank, blank, 0
	for i := 0; i < len(tracks); {
		width, first := -tracks[i].gap, tracks[i]
		for ; i < len(tracks) && tracks[i].group == first.group; i++ {
			width += tracks[i].gap + tracks[i].width
			rows = max(rows, len(tracks[i].head))
		}
		gap := strings.Repeat(" ", first.gap)
		groups += fmt.Sprintf("%s%-*s", gap, width, first.group)
		rules += gap + strings.Repeat("─", width)
	}
	b.WriteString(strings.TrimRight(groups, " ") + "\n" + rules + "\n")
	for y := range rows {
		text := blank
		if y == rows-1 {
			text = fmt.Sprintf("%-*s", label, "method")
		}
		for _, c := range tracks {
			head := ""
			if i := y - rows + len(c.head); i >= 0 {
				head = c.head[i]
			}
			text += c.right(head)
		}
		b.WriteString(text + "\n")
	}
}

// writeLine writes the means, and below them the deviations and the footnotes that do not fit beside the name.
func writeLine(b *strings.Builder, tracks []track, label int, l line, bold bool) {
	name, below := l.label(label), ""
	if notes := set(" [%s]", l.notes); utf8.RuneCountInString(name+notes) <= label {
		name += notes
	} else {
		below = " " + notes
	}
	first, second := fmt.Sprintf("%-*s", label, name), fmt.Sprintf("%-*s", label, below)
	for i, c := range l.cells {
		text := tracks[i].right(c.mean + set("[%s]", c.notes))
		if bold && c.best {
			text = strings.Replace(text, c.mean, "\x1b[1m"+c.mean+"\x1b[0m", 1)
		}
		first += text
		second += tracks[i].right(set("±%s", c.std))
	}
	n := len(l.cells)
	first += tracks[n].right(l.parameters) + tracks[n+1].right(l.memory)
	for _, text := range []string{first, second} {
		if text = strings.TrimRight(text, " "); text != "" {
			b.WriteString(text + "\n")
		}
	}
}
