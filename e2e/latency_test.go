//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/publisher"
)

var watch = flag.Duration("watch", 15*time.Second, "how long the tests of latency watch")

const (
	rate      = 30 // frames a second
	clockBits = 14 // 9 minutes of frames
	clockSize = 24 // pixels of a bit's square
)

// numberedPictures returns a file whose every picture shows its number, as white and black squares
// at its top: the least significant bit first.
func numberedPictures(t *testing.T, length time.Duration) string {
	t.Helper()
	squares := []string{fmt.Sprintf("drawbox=x=0:y=0:w=%d:h=%d:color=black:t=fill", clockBits*clockSize, clockSize)}
	for bit := range clockBits {
		squares = append(squares, fmt.Sprintf("drawbox=x=%d:y=0:w=%d:h=%d:color=white:t=fill:enable='mod(floor(n/%d),2)'",
			bit*clockSize, clockSize, clockSize, 1<<bit))
	}
	return sources.FLV(t, "-vf", strings.Join(squares, ","), "-t", fmt.Sprint(int(length.Seconds())), "-preset", "ultrafast", "-bf", "0")
}

// publication records when it sent its first picture.
type publication struct {
	once  sync.Once
	began chan time.Time
}

// publish sends the file in real time until the test's end.
func publish(t *testing.T, file, url string) *publication {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &publication{began: make(chan time.Time, 1)}
	cfg := publisher.DefaultConfig()
	cfg.URL, cfg.Source = url, source
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &observed{c, p}, err
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- publisher.Run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// observed is a connection that records when a key frame is sent.
type observed struct {
	net.Conn
	p *publication
}

func (o *observed) Write(b []byte) (int, error) {
	const maxHandshakeMessage = 4 << 10
	if len(b) > maxHandshakeMessage {
		o.p.once.Do(func() { o.p.began <- time.Now() })
	}
	return o.Conn.Write(b)
}

// readClock returns the number in the picture, when it was displayed, in Unix milliseconds, and
// the latency that the page shows.
const readClock = `new Promise((done) => {
	const video = document.querySelector('video');
	video.requestVideoFrameCallback((_, frame) => {
		const canvas = new OffscreenCanvas(video.videoWidth, 1);
		const context = canvas.getContext('2d');
		context.drawImage(video, 0, -%[2]d / 2);
		const row = context.getImageData(0, 0, %[1]d * %[2]d, 1).data;
		let n = 0;
		for (let bit = 0; bit < %[1]d; bit += 1) if (row[4 * (bit * %[2]d + %[2]d / 2)] > 128) n += 2 ** bit;
		done({n, at: performance.timeOrigin + frame.expectedDisplayTime, latency: parseFloat(document.querySelector('[data-stat=latency]')?.textContent ?? '')});
	});
})`

// firstPicture returns the milliseconds from the start of the navigation to the
// first picture.
const firstPicture = `new Promise((done) => {
	const look = () => {
		if (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames > 0) done(performance.now());
		else requestAnimationFrame(look);
	};
	look();
})`

// clockReading is the result of readClock.
type clockReading struct {
	N       int     `json:"n"`
	At      float64 `json:"at"`
	Latency float64 `json:"latency"` // that the page shows, in seconds
}

// The delay of a picture from the encoder to Chromium's screen.
func TestLatency(t *testing.T) { measureLatency(t, "", 1.5) }

// measureLatency compares the numbers in the pictures that Chromium shows with the time at which they
// were sent. It fails if they are shown later than most seconds after that.
func measureLatency(t *testing.T, config string, most float64) {
	t.Helper()
	s := harness.Start(t, harness.Options{Config: config})
	sent := publish(t, numberedPictures(t, *watch+40*time.Second), s.PublishURL("show"))
	began := <-sent.began
	s.WaitForState("show", "live", 10*time.Second)
	browser := harness.OpenBrowser(t)
	harness.Pause(t.Context(), time.Until(began.Add(12*time.Second))) // a viewer who joins later
	page := browser.Open(t, s.WatchURL("show"))
	first := time.Duration(harness.Evaluate[float64](page, firstPicture) * float64(time.Millisecond))
	page.MustPlay(3 * time.Second)

	var latencies, shown []float64
	end := time.Now().Add(*watch)
	viewer := page.View()
	for time.Now().Before(end) {
		seen := harness.Evaluate[clockReading](page, fmt.Sprintf(readClock, clockBits, clockSize))
		latencies = append(latencies, seen.At/1000-float64(began.UnixMicro())/1e6-float64(seen.N)/rate)
		shown = append(shown, seen.Latency)
		harness.Pause(t.Context(), 200*time.Millisecond)
	}
	report := harness.Summarise(viewer.Stop())
	if harness.Strict() && (report.Longest > time.Second || report.Played < 0.95*watch.Seconds()) {
		t.Errorf("it did not play through: %+v", report)
	}
	slices.Sort(latencies)
	slices.Sort(shown)
	quantile := func(list []float64, q float64) float64 { return list[int(q*float64(len(list)-1))] }
	t.Logf("%d pictures in %v, %.1f s played, stalled for at most %v: sent to shown %.2f s at the median, %.2f to %.2f s; the page says %.2f s; the first picture after %.2f s",
		len(latencies), *watch, report.Played, report.Longest.Round(time.Millisecond), quantile(latencies, 0.5), latencies[0], quantile(latencies, 1), quantile(shown, 0.5), first.Seconds())
	// After a stall for lack of CPU time a page keeps a longer delay.
	limit := harness.Timeout(time.Duration(most * float64(time.Second))).Seconds()
	if got := quantile(latencies, 0.95); got > limit || math.IsNaN(got) || latencies[0] < 0 {
		t.Errorf("the latency is %.2f s, want at most %.1f s", got, limit)
	}
	if first > harness.Timeout(3*time.Second) {
		t.Errorf("the first picture came after %v", first)
	}
}
