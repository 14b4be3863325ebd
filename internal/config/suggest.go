package config

import (
	"reflect"
	"slices"
	"strings"
)

// suggest returns a hint for an unknown key: a similar key, the section that it belongs to,
// or the keys of the section.
func suggest(name, near string, section reflect.Type, path string) string {
	if near != "" {
		return "did you mean " + near + "?"
	}
	if elsewhere := pathsEndingIn(name, reflect.TypeFor[Config](), ""); len(elsewhere) == 1 {
		return "did you mean " + elsewhere[0] + "?"
	}
	return listKeys(section, path)
}

func listKeys(section reflect.Type, path string) string {
	if path == "" {
		path = "the file"
	}
	return "the keys of " + path + " are " + strings.Join(namesOf(section), ", ")
}

func namesOf(section reflect.Type) []string {
	keys := keysOf(section)
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// pathsEndingIn returns the paths of all keys with that name.
func pathsEndingIn(name string, section reflect.Type, path string) []string {
	var found []string
	for _, k := range keysOf(section) {
		at := join(path, k.name)
		if k.name == name {
			found = append(found, at)
		}
		if isSection(k.typ) {
			found = append(found, pathsEndingIn(name, k.typ, at)...)
		}
	}
	return found
}

// nearest returns the candidate with the smallest edit distance to name, if it is small for
// its length.
func nearest(name string, candidates []string) string {
	best, distance := "", 1+max(1, len(name)/3)
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(name), c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// editDistance returns the edit distance of a and b (optimal string alignment).
func editDistance(a, b string) int {
	before, above := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := slices.Repeat([]int{i}, len(b)+1)
		for j := 1; j <= len(b); j++ {
			replaced := above[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
