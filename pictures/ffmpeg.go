package pictures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golive/container/fmp4"
	"golive/internal/childprocess"
	"golive/media"
)

const (
	// maxPicture bounds a JPEG, in bytes.
	maxPicture = 2 << 20
	// maxMessages bounds what is kept of ffmpeg's messages.
	maxMessages = 4 << 10
	// lowestPriority is the niceness of ffmpeg: it runs when nothing else needs the processor.
	lowestPriority = 19
)

// makePicture makes the pictures of a request.
func (m *Maker) makePicture(ctx context.Context, r *request) (p Picture, err error) {
	input, err := fileOf(r.unit)
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	p = Picture{Place: r.at, Track: r.unit.Track}
	p.Poster, p.Preview, err = run(ctx, m.program, m.arguments(), input)
	if ctx.Err() != nil {
		return p, fmt.Errorf("%s did not end in %s", m.program, m.timeout)
	}
	return p, err
}

// fileOf returns an MP4 file with one picture, in any codec.
func fileOf(u media.AccessUnit) ([]byte, error) {
	init, err := fmp4.Init(u.Track, nil)
	if err != nil {
		return nil, err
	}
	u.Arrived, u.DTS, u.PTS = time.Time{}, 0, 0
	part := fmp4.NewMuxer().Part(u.Track, nil, []media.AccessUnit{u}, 0, media.Second)
	return slices.Concat(init, part), nil
}

// arguments returns the arguments of ffmpeg: the poster goes to standard output, the preview to
// the file after standard error. Both have square pixels.
func (m *Maker) arguments() []string {
	fit := func(size int) string {
		return fmt.Sprintf("scale=w='min(%d,iw)':h='min(%[1]d,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2", size)
	}
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1", "-filter_complex_threads", "1",
		"-f", "mp4", "-i", "pipe:0",
		"-filter_complex", "[0:v]scale=w='max(2,iw*sar)':h=ih,setsar=1,split[a][b];[a]" + fit(m.cfg.PosterSize) + "[poster];[b]" + fit(m.cfg.PreviewSize) + "[preview]",
	}
	for _, out := range []struct{ stream, file string }{{"[poster]", "pipe:1"}, {"[preview]", "pipe:3"}} {
		args = append(args, "-map", out.stream, "-frames:v", "1", "-pix_fmt", "yuvj420p", "-threads", "1",
			"-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", out.file)
	}
	return args
}

// run runs ffmpeg and returns what it wrote to standard output and to the file after standard
// error. The calling goroutine is locked to its thread.
func run(ctx context.Context, program string, args []string, input []byte) (first, second []byte, err error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = reading.Close() }()            // it was only read
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the operator's program
	childprocess.Isolate(cmd)
	cmd.Cancel = func() error { return childprocess.KillGroup(cmd.Process.Pid) }
	cmd.WaitDelay = time.Second // if processes that it started keep the pipes open
	out, messages := &limitedBuffer{limit: maxPicture}, &limitedBuffer{limit: maxMessages}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = bytes.NewReader(input), out, messages, []*os.File{writing}
	err = cmd.Start()
	_ = writing.Close() // the child has its own copy
	if err != nil {
		return nil, nil, err
	}
	// Without the permission the priority stays the same.
	_ = childprocess.LowerPriority(cmd.Process.Pid, lowestPriority)
	other := &limitedBuffer{limit: maxPicture}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(other, reading) // an incomplete JPEG is detected below
	}()
	err = cmd.Wait()
	// A process that ffmpeg left behind may keep the pipe open.
	_ = reading.SetReadDeadline(time.Now().Add(cmd.WaitDelay))
	<-read
	switch {
	case err != nil && messages.Len() > 0:
		lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(messages.String(), "?")), "\n")
		return nil, nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	case err != nil:
		return nil, nil, err
	case out.full || other.full || !isJPEG(out.Bytes()) || !isJPEG(other.Bytes()):
		return nil, nil, errors.New("ffmpeg wrote no picture")
	}
	return out.Bytes(), other.Bytes(), nil
}

// isJPEG reports whether b begins and ends as a JPEG does.
func isJPEG(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xff, 0xd8}) && bytes.HasSuffix(b, []byte{0xff, 0xd9})
}

// limitedBuffer keeps the first bytes that are written to it.
type limitedBuffer struct {
	bytes.Buffer

	limit int
	full  bool
}

// Write implements io.Writer.
func (l *limitedBuffer) Write(b []byte) (int, error) {
	keep := min(len(b), l.limit-l.Len())
	l.full = l.full || keep < len(b)
	_, _ = l.Buffer.Write(b[:keep]) // it does not fail
	return len(b), nil
}

// ReadFrom hides the method of bytes.Buffer, which has no limit.
func (l *limitedBuffer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{l}, r)
}
