package audience

import (
	"net/http"
	"net/url"
	"strings"
)

// cmcd is Common Media Client Data (CTA-5004): keys, some with a value, separated by
// commas.
type cmcd string

// cmcdIn returns the data in the query, or else in the header of that name.
func cmcdIn(r *http.Request, header string) cmcd {
	query := r.URL.RawQuery
	if strings.Contains(query, cmcdParameter) { // else there is no need to look closer
		for field := range strings.SplitSeq(query, "&") {
			if raw, ok := strings.CutPrefix(field, cmcdParameter); ok {
				text, err := url.QueryUnescape(raw)
				if err != nil {
					return ""
				}
				return cmcd(text)
			}
		}
	}
	if v := r.Header[header]; len(v) > 0 {
		return cmcd(v[0])
	}
	return ""
}

const cmcdParameter = "CMCD="

// The headers that hold the keys we read, in canonical form.
const (
	cmcdSession = "Cmcd-Session" // sid
	cmcdStatus  = "Cmcd-Status"  // bs
)

// find returns the value of a key without its quotes; ok is false if the key is missing or
// false.
func (d cmcd) find(key string) (value string, ok bool) {
	for rest := string(d); rest != ""; {
		var pair string
		pair, rest = cutPair(rest)
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if name == key {
			return strings.Trim(value, `"`), value != "false"
		}
	}
	return "", false
}

// cutPair cuts s at the first comma outside quotes.
func cutPair(s string) (pair, rest string) {
	quoted, escaped := false, false
	for i := range len(s) {
		switch c := s[i]; {
		case escaped:
			escaped = false
		case c == '\\' && quoted:
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
