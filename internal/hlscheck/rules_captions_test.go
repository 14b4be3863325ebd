package hlscheck

import (
	"slices"
	"testing"
)

func TestParseMultivariant_ChecksClosedCaptions(t *testing.T) {
	const (
		media   = `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",INSTREAM-ID="CC1"` + "\n"
		variant = `#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="mp4a.40.2"`
	)
	for _, c := range []struct {
		name, text string
		want       []int
	}{
		{"captions", media + variant + `,CLOSED-CAPTIONS="cc"` + "\na.m3u8\n", nil},
		{"none", variant + ",CLOSED-CAPTIONS=NONE\na.m3u8\n", nil},
		{"nothing said", variant + "\na.m3u8\n", nil},
		{"another group", media + variant + `,CLOSED-CAPTIONS="dd"` + "\na.m3u8\n", []int{52}},
		{"NONE in quotes", variant + `,CLOSED-CAPTIONS="NONE"` + "\na.m3u8\n", []int{52}},
		{"NONE for one", media + variant + `,CLOSED-CAPTIONS="cc"` + "\na.m3u8\n" + variant + ",CLOSED-CAPTIONS=NONE\nb.m3u8\n", []int{52}},
		{"service 64", `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="a",INSTREAM-ID="SERVICE64"` + "\n" + variant + `,CLOSED-CAPTIONS="cc"` + "\na.m3u8\n", []int{52}},
		{"with a URI", `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="a",INSTREAM-ID="CC1",URI="c.m3u8"` + "\n" + variant + `,CLOSED-CAPTIONS="cc"` + "\na.m3u8\n", []int{52}},
	} {
		_, wrong := ParseMultivariant("", []byte("#EXTM3U\n#EXT-X-VERSION:7\n"+c.text))
		got := rules(wrong)
		got = slices.DeleteFunc(got, func(rule int) bool { return rule == 49 }) // not tested here
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: rules %v, want %v: %v", c.name, got, c.want, wrong)
		}
	}
}
