package mediatest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"golive/media"
)

// H264 returns a new video track; each call returns another pointer, like a change of
// parameters.
func H264(width, height int) *media.Track {
	return &media.Track{
		Codec:         media.H264,
		CodecString:   "avc1.64001f",
		SPS:           [][]byte{{0x67, 0x64, 0x00, 0x1f, byte(width), byte(height)}},
		PPS:           [][]byte{{0x68, 0xeb, 0xe3, 0xcb}},
		NALLengthSize: 4,
		Width:         width,
		Height:        height,
	}
}

// AAC returns a new audio track of 48 kHz stereo.
func AAC() *media.Track {
	return &media.Track{
		Codec:          media.AAC,
		CodecString:    "mp4a.40.2",
		ObjectType:     2,
		SampleRate:     48000,
		Channels:       2,
		SamplesPerUnit: 1024,
	}
}

// Stream describes a stream of access units.
type Stream struct {
	// Video and Audio are its tracks; either may be nil.
	Video, Audio *media.Track
	// FPS is the frame rate, GOP the number of frames from key to key.
	FPS float64
	GOP int
	// Length is how long it lasts.
	Length time.Duration
	// Offset is added to all times.
	Offset media.Ticks
	// Epoch is the Arrived time of the first unit.
	Epoch time.Time
	// BitRate is the video's, in bits per second; 0 means 400 kbit/s.
	BitRate int
}

// Units returns the stream's access units in order, with times rounded to milliseconds as in
// RTMP.
func (s Stream) Units() []media.AccessUnit {
	var units []media.AccessUnit
	random := rand.New(rand.NewPCG(1, 2))
	if s.Video != nil {
		frames := int(s.Length.Seconds()*s.FPS + 0.5)
		rate := s.BitRate
		if rate == 0 {
			rate = 400_000
		}
		for i := range frames {
			key := i%s.GOP == 0
			size := int(float64(rate) / 8 / s.FPS)
			if key {
				size *= 3
			}
			units = append(units, s.unit(s.Video, float64(i)/s.FPS, key, frame(random, size, key)))
		}
	}
	if s.Audio != nil {
		period := float64(s.Audio.SamplesPerUnit) / float64(s.Audio.SampleRate)
		for i := 0; float64(i)*period < s.Length.Seconds(); i++ {
			data := make([]byte, 340)
			fill(random, data)
			units = append(units, s.unit(s.Audio, float64(i)*period, true, data))
		}
	}
	slices.SortStableFunc(units, func(a, b media.AccessUnit) int { return int(a.DTS - b.DTS) })
	return units
}

func (s Stream) unit(t *media.Track, seconds float64, key bool, data []byte) media.AccessUnit {
	ms := int64(seconds*1000 + 0.5)
	dts := media.TicksFromMillis(ms) + s.Offset
	return media.AccessUnit{
		Track:   t,
		DTS:     dts,
		PTS:     dts,
		Key:     key,
		Data:    data,
		Arrived: s.Epoch.Add(time.Duration(ms) * time.Millisecond),
	}
}

// frame returns one length-prefixed NAL unit.
func frame(random *rand.Rand, size int, key bool) []byte {
	data := make([]byte, 4+size)
	fill(random, data[5:])
	binary.BigEndian.PutUint32(data, uint32(size))
	data[4] = 0x41
	if key {
		data[4] = 0x65
	}
	return data
}

// fill writes bytes that hold no start code.
func fill(random *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(random.UintN(255)) + 1
	}
}

// Segment returns a stored segment of 2 s that began at date; it has no bytes.
func Segment(publication string, msn int64, date time.Time) *media.Segment {
	return &media.Segment{
		Publication: publication, MSN: msn, Duration: 2 * media.Second, Size: 1, Independent: true, ProgramDateTime: date,
		Parts: []*media.Part{{Publication: publication, MSN: msn, Duration: 2 * media.Second, Size: 1, Independent: true}},
	}
}
