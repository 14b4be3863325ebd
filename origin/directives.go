package origin

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"golive/playlist"
)

// parseDirectives reads the delivery directives of a playlist request (RFC 8216bis section
// 6.2.5) from its query. What does not begin with _HLS_ is ignored; section 6.2.5 reserves
// the rest.
func parseDirectives(query string) (playlist.Directives, error) {
	d := playlist.Directives{Position: playlist.Position{Part: -1}}
	if !strings.Contains(query, "_HLS_") {
		return d, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return d, fmt.Errorf("%w: query: %w", errDirective, err)
	}
	for name, all := range values {
		if strings.HasPrefix(name, "_HLS_") && len(all) > 1 {
			return d, fmt.Errorf("%w: %s is given %d times", errDirective, name, len(all))
		}
	}
	if values.Has("_HLS_msn") {
		n, err := strconv.ParseUint(values.Get("_HLS_msn"), 10, 62)
		if err != nil {
			return d, fmt.Errorf("%w: _HLS_msn=%q is not a number", errDirective, values.Get("_HLS_msn"))
		}
		d.Block, d.Position.MSN = true, int64(n)
	}
	if values.Has("_HLS_part") {
		n, err := strconv.ParseUint(values.Get("_HLS_part"), 10, 31)
		switch {
		case err != nil:
			return d, fmt.Errorf("%w: _HLS_part=%q is not a number", errDirective, values.Get("_HLS_part"))
		case !d.Block:
			return d, fmt.Errorf("%w: _HLS_part without _HLS_msn", errDirective)
		}
		d.Position.Part = int(n)
	}
	if values.Has("_HLS_skip") {
		switch v := values.Get("_HLS_skip"); v {
		case "YES", "v2":
			d.Skip = true
		default:
			return d, fmt.Errorf("%w: _HLS_skip=%q is neither YES nor v2", errDirective, v)
		}
	}
	return d, nil
}
