package transcode

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golive/container/flv"
)

// probed is the result of a probe of ffmpeg.
type probed struct {
	ok      bool
	encoder encoder
	version string
	// problem is why ffmpeg cannot be used, fallback why the preferred encoders cannot.
	problem, fallback string
}

// probeUntilAvailable probes ffmpeg until it works.
func (t *Transcoder) probeUntilAvailable(ctx context.Context) {
	last := ""
	for {
		p := probe(ctx, t.cfg)
		if ctx.Err() != nil {
			return
		}
		t.setProbed(p)
		if p.ok {
			t.log.Info("ffmpeg found", "version", p.version, "encoder", p.encoder.name)
			if p.fallback != "" && t.cfg.Encoder != EncoderAuto {
				t.log.Warn("encoder not available", "encoder", t.cfg.Encoder, "used", p.encoder.name, "reason", p.fallback)
			}
			return
		}
		if p.problem != last {
			t.log.Warn("ffmpeg not usable: broadcasts have their source only", "err", p.problem,
				"hint", "install ffmpeg with libx264, or set transcode.ffmpeg to its path")
			last = p.problem
		}
		select {
		case <-time.After(retryProbe):
		case <-ctx.Done():
			return
		}
	}
}

func (t *Transcoder) setProbed(p probed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probed = p
	if p.ok {
		t.metrics.available.Set(1)
		byNumber := func(a, b *load) int { return cmp.Compare(a.number, b.number) }
		for _, l := range slices.SortedFunc(maps.Values(t.loads), byNumber) {
			t.allow(l)
		}
	}
}

// probe finds ffmpeg's version, and an encoder that works, by encoding a few pictures.
func probe(ctx context.Context, cfg Config) (p probed) {
	version, err := versionOf(ctx, cfg.FFmpeg)
	if err != nil {
		p.problem = err.Error()
		return p
	}
	p.version = version
	var problems []string
	for _, e := range encoderList() {
		if cfg.Encoder != EncoderAuto && e.name != cfg.Encoder && e.name != EncoderX264 {
			continue
		}
		if err := tryEncoder(ctx, cfg.FFmpeg, e); err != nil {
			problems = append(problems, e.name+": "+err.Error())
			continue
		}
		p.ok, p.encoder, p.fallback = true, e, strings.Join(problems, "; ")
		return p
	}
	p.problem = "no encoder works: " + strings.Join(problems, "; ")
	return p
}

// probeTimeout bounds one run of ffmpeg.
const probeTimeout = 10 * time.Second

func versionOf(ctx context.Context, program string) (string, error) {
	out, err := runProbe(ctx, program, nil, "-hide_banner", "-version")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(out))
	const name, version, number = 0, 1, 2
	if len(fields) <= number || fields[name] != "ffmpeg" || fields[version] != "version" {
		return "", fmt.Errorf("%s is not ffmpeg", program)
	}
	return fields[number], nil
}

// tryEncoder encodes grey pictures with the options of a rung.
func tryEncoder(ctx context.Context, program string, e encoder) error {
	const width, height, pictures = 320, 180, 8
	args := append([]string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"}, e.global...)
	args = append(args, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", width, height), "-r", "30", "-i", "pipe:0",
		"-vf", e.format, "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-force_key_frames", forceKeys)
	args = append(args, e.options(Rung{VideoBitrate: 500_000}, usualFrameRate, 1)...)
	args = append(args, "-f", "flv", "pipe:1")
	input := bytes.Repeat([]byte{128}, width*height*3/2*pictures)
	out, err := runProbe(ctx, program, input, args...)
	if err != nil {
		return err
	}
	reader, demuxer, n := flv.NewReader(bytes.NewReader(out)), flv.NewDemuxer(), 0
	for {
		tag, err := reader.Next()
		if err != nil {
			break // the end, or not FLV
		}
		if tag.Type == flv.TagVideo {
			if _, ok, err := demuxer.Video(0, tag.Body); ok && err == nil {
				n++
			}
		}
	}
	if n != pictures {
		return fmt.Errorf("encoded %d pictures of %d", n, pictures)
	}
	return nil
}

// runProbe runs ffmpeg and returns its output. An error includes the last line of its messages.
func runProbe(ctx context.Context, program string, input []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the operator's program
	cmd.Stdin = bytes.NewReader(input)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	cmd.WaitDelay = time.Second // if processes that it started keep the pipes open
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not end in %s", program, probeTimeout)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s was not found", program)
	case err != nil && messages.Len() == 0:
		return nil, fmt.Errorf("%s: %w", program, err)
	case err != nil:
		lines := strings.Split(strings.TrimSpace(messages.String()), "\n")
		return nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return out.Bytes(), nil
}
