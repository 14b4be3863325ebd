package main

import (
	"cmp"
	"slices"
	"strings"
)

// preface is the beginning of the file.
const preface = `golive contains the software named below, under the terms below each group of names.
`

const (
	doubleLine = "================================================================================"
	singleLine = "--------------------------------------------------------------------------------"
)

// notice is the text of one licence or notice file, and what it is for.
type notice struct {
	subject string // "module version", and the folder where it is not the root
	text    string
}

// render returns the notices as one text. Notices that differ only in spaces are named together
// above one copy of their text.
func render(all []notice) string {
	type group struct {
		subjects []string
		text     string
	}
	var groups []*group
	byText := map[string]*group{}
	for _, n := range all {
		key := strings.Join(strings.Fields(n.text), " ")
		g := byText[key]
		if g == nil {
			g = &group{text: n.text}
			byText[key] = g
			groups = append(groups, g)
		}
		g.subjects = append(g.subjects, n.subject)
	}
	for _, g := range groups {
		slices.Sort(g.subjects)
		g.subjects = slices.Compact(g.subjects)
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(a.subjects[0], b.subjects[0]) })
	var b strings.Builder
	b.WriteString(preface)
	for _, g := range groups {
		b.WriteString("\n" + doubleLine + "\n" + strings.Join(g.subjects, "\n") + "\n" + singleLine + "\n")
		b.WriteString(trim(g.text))
	}
	return b.String()
}

// trim removes what cannot be seen: carriage returns, spaces at the ends of lines,
// empty lines at the ends of the text.
func trim(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.Trim(strings.ReplaceAll(text, "\r", ""), "\n\t "), "\n") {
		b.WriteString(strings.TrimRight(line, " \t\f") + "\n")
	}
	return b.String()
}
