package hlscheck

import (
	"fmt"
	"time"
)

// Limits of measured bit rates of a live stream, in percent of the declared ones (A 1.28,
// 1.29).
const (
	peakPercent    = 125
	averagePercent = 110
)

// checkBandwidth checks the bit rates of rule 43. They are measured over the segments in the
// last playlist, and compared with the last multivariant playlist, since a server that
// measures them can declare only those of available segments.
func (f *Follower) checkBandwidth(text []byte, m *Multivariant) {
	for i := range m.Variants {
		v := &m.Variants[i]
		r := f.rendition(v)
		if r == nil || r.Last == nil {
			continue
		}
		peak, average, length := r.bitRates()
		add := func(format string, args ...any) {
			f.found.addAll(r.Name, text, []Violation{{Rule: 43, URL: f.url, Line: v.Line, Text: fmt.Sprintf(format, args...)}})
		}
		if v.Bandwidth > 0 && peak*100 > v.Bandwidth*peakPercent {
			add("the segments' peak bit rate is %d bit/s, over %d %% of BANDWIDTH %d", peak, peakPercent, v.Bandwidth)
		}
		// The average over a short time is not meaningful.
		if v.AverageBandwidth > 0 && length >= 3*r.Last.TargetDuration && average*100 > v.AverageBandwidth*averagePercent {
			add("the segments' bit rate is %d bit/s over %v, over %d %% of AVERAGE-BANDWIDTH %d",
				average, length.Round(100*time.Millisecond), averagePercent, v.AverageBandwidth)
		}
	}
}

// rendition returns the rendition of the variant.
func (f *Follower) rendition(v *Variant) *Rendition {
	for _, r := range f.renditions {
		if u, err := resolve(f.base, v.URI); err == nil && r.URL == u {
			return r
		}
	}
	return nil
}

// bitRates returns the peak and the average bit rate of the fetched segments in the last
// playlist, in bits per second, and their duration. The peak is over any contiguous segments
// of 0.5 to 1.5 target durations (B 4.4.6.2).
func (r *Rendition) bitRates() (peak, average int64, length time.Duration) {
	var listed []*FetchedSegment
	for _, s := range r.Segments {
		if s.MSN >= r.Last.MediaSequence && s.Size > 0 && s.Duration > 0 {
			listed = append(listed, s)
		}
	}
	target := r.Last.TargetDuration
	var total int64
	for i, s := range listed {
		total += int64(s.Size)
		length += s.Duration
		var size int64
		var run time.Duration
		for j := i; j < len(listed) && listed[j].MSN == s.MSN+int64(j-i); j++ {
			size += int64(listed[j].Size)
			if run += listed[j].Duration; run > target+target/2 {
				break
			}
			if run >= target/2 {
				peak = max(peak, bitRate(size, run))
			}
		}
	}
	return peak, bitRate(total, length), length
}

func bitRate(size int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(size) * 8 / d.Seconds())
}
