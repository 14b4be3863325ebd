//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// screen starts an X server without a screen and returns its DISPLAY.
func screen(t *testing.T) string {
	t.Helper()
	x := harness.Launch(t, nil, "Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	t.Cleanup(x.Quit) // it removes its socket in /tmp
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(10*time.Second))
	defer cancel()
	var number int
	err := harness.Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := fmt.Sscanf(x.Logs.String(), "%d\n", &number)
		return err
	})
	if err != nil {
		t.Fatalf("start Xvfb: %v\n%s", err, x.Logs)
	}
	return fmt.Sprintf(":%d", number)
}

// studio is an OBS Studio and the address of its remote control.
type studio struct {
	*harness.Process
	t       *testing.T
	control string
}

// obs starts OBS Studio, which publishes at once: a moving picture with a tone goes to
// server and key.
func obs(t *testing.T, server, key string) *studio {
	t.Helper()
	control := harness.FreeAddress(t)
	_, port, err := net.SplitHostPort(control)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	for name, content := range map[string]string{
		"global.ini": "[General]\nFirstRun=true\nLastVersion=486539266\n[Basic]\nProfile=P\nProfileDir=P\nSceneCollection=C\nSceneCollectionFile=C\n" +
			"[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\nServerPort=" + port + "\nAuthRequired=false\nAlertsEnabled=false\n",
		"basic/profiles/P/basic.ini": "[General]\nName=P\n[Video]\nBaseCX=640\nBaseCY=360\nOutputCX=640\nOutputCY=360\nFPSCommon=30\n" +
			"[Output]\nMode=Advanced\nReconnect=true\nRetryDelay=2\nMaxRetries=25\n[AdvOut]\nEncoder=obs_x264\nTrackIndex=1\n",
		"basic/profiles/P/service.json": marshal(t, map[string]any{
			"type": "rtmp_custom", "settings": map[string]any{"server": server, "key": key, "use_auth": false},
		}),
		"basic/profiles/P/streamEncoder.json": marshal(t, map[string]any{
			"bitrate": 700, "rate_control": "CBR", "keyint_sec": 2, "preset": "veryfast", "profile": "high", "bf": 2,
		}),
		"basic/scenes/C.json": marshal(t, map[string]any{
			"name": "C", "current_scene": "S", "current_program_scene": "S",
			"scene_order": []any{map[string]any{"name": "S"}},
			"sources": []any{
				map[string]any{"id": "scene", "name": "S", "settings": map[string]any{
					"id_counter": 1,
					"items":      []any{map[string]any{"name": "M", "id": 1, "visible": true, "scale": map[string]any{"x": 1, "y": 1}}},
				}},
				map[string]any{"id": "ffmpeg_source", "name": "M", "mixers": 255, "settings": map[string]any{
					"is_local_file": false, "input_format": "lavfi",
					"input": "testsrc2=size=640x360:rate=30[out0];sine=frequency=440:sample_rate=48000[out1]",
				}},
			},
		}),
	} {
		path := filepath.Join(home, "obs-studio", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"XDG_CONFIG_HOME=" + home, "HOME=" + home, "LIBGL_ALWAYS_SOFTWARE=1", "DISPLAY=" + screen(t)}
	p := harness.Launch(t, env, "obs", "--startstreaming", "--profile", "P", "--collection", "C", "--multi", "--disable-updater")
	return &studio{Process: p, t: t, control: control}
}

// stop presses "Stop Streaming", by OBS's remote control: JSON over WebSocket
// (RFC 6455), of which three messages are all that is needed.
func (s *studio) stop() {
	s.t.Helper()
	conn, err := (&net.Dialer{Timeout: harness.Timeout(5 * time.Second)}).DialContext(s.t.Context(), "tcp", s.control)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(harness.Timeout(5 * time.Second))); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", s.control)
	r := bufio.NewReader(conn)
	s.await(r, `"op":0`)
	sendText(conn, `{"op":1,"d":{"rpcVersion":1,"eventSubscriptions":0}}`)
	s.await(r, `"op":2`)
	sendText(conn, `{"op":6,"d":{"requestType":"StopStream","requestId":"stop"}}`)
	s.await(r, `"op":7`)
}

// await reads until the text arrives.
func (s *studio) await(r *bufio.Reader, text string) {
	s.t.Helper()
	var got []byte
	for !bytes.Contains(got, []byte(text)) {
		b, err := r.ReadByte()
		if err != nil {
			s.t.Fatalf("OBS's remote control did not send %s but %q: %v", text, got, err)
		}
		got = append(got, b)
	}
}

// sendText sends a text frame of less than 126 bytes, with a mask of zeros.
func sendText(w io.Writer, message string) {
	_, _ = w.Write(append([]byte{0x81, 0x80 | byte(len(message)), 0, 0, 0, 0}, message...)) // if it is lost, the response does not come
}

// marshal returns v as JSON.
func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOBS_IsCarriedUntilItStops(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenBrowser(t)
	var encoder *studio
	publish := func() *harness.Process {
		encoder = obs(t, "rtmp://"+s.RTMP+"/live", "obs")
		return encoder.Process
	}
	stop := func(*harness.Process) { encoder.stop() }
	mustCarry(t, s, b, "obs", publish, stop, wanted{video: -1, audio: -1, width: 640, height: 360, length: 8 * time.Second})
	if s.Logs.Count("session ended", "reason=stopped") != 1 {
		t.Errorf("OBS did not unpublish")
	}
}

// OBS notices that its connection broke, waits 2 s and publishes again with the
// same key and timestamps from 0, whether the server has noticed or not.
func TestOBS_ReconnectsByItself(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	p := harness.StartProxy(t, s.RTMP)
	encoder := obs(t, "rtmp://"+p.Address+"/live", "obs")
	first := s.WaitForState("obs", "live", 30*time.Second)
	f := harness.Follow(t, s.PlaylistURL("obs"), hlscheck.Options{LowLatency: true, Discard: true})
	b := harness.OpenBrowser(t)
	page := b.Open(t, s.WatchURL("obs"))
	page.WaitForPlay(30 * time.Second)
	v := page.View()
	for _, how := range []harness.Cut{harness.Reset, harness.HalfReset} {
		harness.Pause(t.Context(), 5*time.Second)
		before := v.Last()
		begin := time.Now()
		p.Cut(how)
		page.WaitFor("picture after a "+how.String(), 20*time.Second, func(now harness.Playback) bool { return now.Time > before.Time+4 })
		t.Logf("%v: 4 s more were played %.1f s after it", how, time.Since(begin).Seconds())
	}
	page.Screenshot("interop-obs-returned")
	sum := harness.Summarise(v.Stop())
	if now := s.WaitForState("obs", "live", time.Second); !now.Started.Equal(first.Started) {
		t.Errorf("the broadcast that started at %v was replaced by one that started at %v", first.Started, now.Started)
	}
	encoder.stop()
	r := f.Wait(30 * time.Second)
	f.Check(pace...)
	if n := harness.Discontinuities(r); n != 2 || sum.Reloads > 0 || sum.Back > 0 {
		t.Errorf("%d discontinuities, want 2; %d reloads, %d steps back", n, sum.Reloads, sum.Back)
	}
}
