package whip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golive/codec/opus"
	"golive/internal/childprocess"
)

const (
	// queuedPackets is how many packets wait for the child process at most: two seconds.
	queuedPackets = 100
	// staleAfter is the age at which a packet is not converted any more: its sound would come too
	// late for the pictures that it belongs to.
	staleAfter = time.Second
	// longestFill is the longest gap that is filled with silence. After a longer one the times of
	// what follows are moved.
	longestFill = opus.SampleRate
	// fillSamples is the duration of a packet of silence.
	fillSamples = opus.SampleRate / 50
	// shortestFill is the duration of the shortest packet that there is. A shorter gap is no gap.
	shortestFill = fillSamples / 8
	// primingSamples is the number of samples that ffmpeg's AAC encoder puts before the first one.
	primingSamples = 1024
	// firstBackoff and lastBackoff bound the time before another child process is started; a
	// process that ran for healthyAfter begins anew.
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
	healthyAfter = time.Minute
	// stallTimeout is how long the child process may read nothing.
	stallTimeout = 5 * time.Second
	// flushTimeout is how long the child process has to write what it holds when the publisher has
	// stopped.
	flushTimeout = 2 * time.Second
)

// opusPacket is a packet of sound.
type opusPacket struct {
	data    []byte
	at      int64 // its time in samples
	samples int
	arrived time.Time
}

// aacFrame is an ADTS frame, and the time of its first sample in samples of Opus.
type aacFrame struct {
	adts []byte
	at   int64
}

// converter converts Opus to AAC in a child process, and starts another one when it ends. The
// output has as many samples as the input, gaps are filled, and so each frame's time is known by
// counting.
type converter struct {
	program string
	log     *slog.Logger

	packets chan opusPacket // closed by stop
	frames  chan aacFrame   // closed when run has returned
	// failed gets why the child process has ended, if it is not the end of the session.
	failed chan error
}

func newConverter(program string, log *slog.Logger) *converter {
	return &converter{
		program: program, log: log,
		packets: make(chan opusPacket, queuedPackets), frames: make(chan aacFrame, queuedPackets), failed: make(chan error, 1),
	}
}

// convert queues a packet, or drops it if the queue is full.
func (c *converter) convert(p opusPacket) {
	select {
	case c.packets <- p:
	default:
	}
}

// stop says that no packet follows. What the child process holds is still written.
func (c *converter) stop() { close(c.packets) }

// run converts until stop was called or ctx is done.
func (c *converter) run(ctx context.Context) {
	defer close(c.frames)
	for backoff := firstBackoff; ; backoff = min(2*backoff, lastBackoff) {
		began := time.Now()
		err := c.runChild(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		select {
		case c.failed <- err:
		default: // the last one was not read yet
		}
		if time.Since(began) > healthyAfter {
			backoff = firstBackoff
		}
		c.log.Warn("audio converter ended", "err", err, "restart_after", backoff)
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return
		}
	}
}

// arguments returns the arguments of ffmpeg: nothing is probed, since the format is known.
func arguments() []string {
	return []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1",
		"-analyzeduration", "0", "-probesize", "32", "-f", "ogg", "-i", "pipe:0",
		"-map", "0:a:0", "-threads", "1", "-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2",
		"-flush_packets", "1", "-f", "adts", "pipe:1",
	}
}

// runChild runs one child process until the packets end, which returns nil, ctx is done, or it has
// ended by itself.
func (c *converter) runChild(ctx context.Context) error {
	runtime.LockOSThread() // the child is killed when this thread ends
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, arguments()...) //nolint:gosec // the operator's program
	childprocess.Isolate(cmd)
	cmd.Cancel = func() error { return childprocess.KillGroup(cmd.Process.Pid) }
	cmd.WaitDelay = time.Second // if processes that it started keep the pipes open
	var messages lastLine
	cmd.Stderr = &messages
	reading, in, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = in.Close() }() // the child may have ended before
	out, writing, err := os.Pipe()
	if err != nil {
		_ = reading.Close()
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = out.Close() }() // it was only read
	cmd.Stdin, cmd.Stdout = reading, writing
	err = cmd.Start()
	_, _ = reading.Close(), writing.Close() // the child has its own copies
	if err != nil {
		return err
	}
	var marks timeMarks
	var running sync.WaitGroup
	running.Go(func() { c.read(ctx, out, &marks); cancel() })
	ended := c.feed(ctx, in, &marks)
	_ = in.Close() // the child may have ended before
	if ended {
		defer time.AfterFunc(flushTimeout, cancel).Stop()
	} else {
		cancel()
	}
	running.Wait()
	err = cmd.Wait()
	switch {
	case ended:
		return nil
	case messages.text() != "":
		return errors.New(messages.text())
	case err == nil || ctx.Err() != nil:
		return errors.New("it ended")
	}
	return err
}

// feed writes packets to the child until they end, which returns true, or the child has ended.
func (c *converter) feed(ctx context.Context, in *os.File, marks *timeMarks) (ended bool) {
	f := feeder{to: in, ogg: newOggWriter(), marks: marks}
	if _, err := in.Write(f.ogg.headers()); err != nil {
		return false
	}
	for {
		select {
		case p, ok := <-c.packets:
			if !ok {
				return true
			}
			if time.Since(p.arrived) > staleAfter {
				continue
			}
			_ = in.SetWriteDeadline(time.Now().Add(stallTimeout)) // a pipe has deadlines
			if f.write(p) != nil {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
}

// feeder writes packets to a child process.
type feeder struct {
	to    io.Writer
	ogg   *oggWriter
	marks *timeMarks

	begun   bool
	written int64 // samples so far
	next    int64 // the time of the next packet if there is no gap
}

// write writes a packet, and silence for what is missing before it. A packet that is late is
// dropped.
func (f *feeder) write(p opusPacket) error {
	gap := p.at - f.next
	switch {
	case !f.begun || gap > longestFill || gap < -longestFill:
		f.begun, gap = true, 0
		f.next = p.at
		f.marks.add(f.written, p.at-encoderDelay)
	case gap <= -shortestFill:
		return nil
	}
	for size := int64(fillSamples); size >= shortestFill; size /= 2 {
		for gap >= size {
			if err := f.packet(opus.Silence(2, int(size)), int(size)); err != nil {
				return err
			}
			gap -= size
		}
	}
	return f.packet(p.data, p.samples)
}

func (f *feeder) packet(data []byte, samples int) error {
	f.written += int64(samples)
	f.next += int64(samples)
	_, err := f.to.Write(f.ogg.packet(data, samples))
	return err
}

// read reads the frames that the child writes.
func (c *converter) read(ctx context.Context, out io.Reader, marks *timeMarks) {
	r := adtsReader{from: out}
	for position := int64(-primingSamples); ; position += primingSamples {
		frame, err := r.next()
		if err != nil {
			return
		}
		if position < 0 {
			continue // it is before the first sample
		}
		select {
		case c.frames <- aacFrame{frame, marks.at(position)}:
		case <-ctx.Done():
			return
		}
	}
}

// adtsReader reads ADTS frames.
type adtsReader struct{ from io.Reader }

var errNoADTS = errors.New("no ADTS frame")

func (r adtsReader) next() ([]byte, error) {
	var header [7]byte
	if _, err := io.ReadFull(r.from, header[:]); err != nil {
		return nil, err
	}
	size := int(header[3]&3)<<11 | int(header[4])<<3 | int(header[5]>>5)
	if header[0] != 0xff || header[1]&0xf6 != 0xf0 || size <= len(header) {
		return nil, errNoADTS
	}
	frame := make([]byte, size)
	copy(frame, header[:])
	_, err := io.ReadFull(r.from, frame[len(header):])
	return frame, err
}

// timeMarks are where the times of samples do not follow each other. One goroutine adds, another
// one asks.
type timeMarks struct {
	mu  sync.Mutex
	all []timeMark // not empty before the first sample; only the first may be over
}

// timeMark says that the sample at position has that time.
type timeMark struct{ position, time int64 }

func (m *timeMarks) add(position, time int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, timeMark{position, time})
}

// at returns the time of the sample at position. Positions do not decrease.
func (m *timeMarks) at(position int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.all) > 1 && m.all[1].position <= position {
		m.all = m.all[1:]
	}
	if len(m.all) == 0 {
		return position
	}
	return m.all[0].time + position - m.all[0].position
}

// lastLine keeps the last line that was written to it.
type lastLine struct {
	mu   sync.Mutex
	last string
}

// Write implements io.Writer.
func (l *lastLine) Write(b []byte) (int, error) {
	const most = 300
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(b), "?")), "\n")
	if text := lines[len(lines)-1]; text != "" {
		l.last = text[:min(len(text), most)]
	}
	return len(b), nil
}

func (l *lastLine) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
