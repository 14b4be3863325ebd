//go:build e2e

package store

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"golive/archive"
	"golive/broadcast"
	"golive/ingest"
	"golive/internal/mediatest"
	"golive/internal/setting"
	"golive/media"
	"golive/origin"
	"golive/origin/audience"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/disk"
	"golive/storage/s3"
	"golive/storage/s3/s3test"
)

// ladderVariable contains the configuration of a node with two renditions. If it is set, this
// program runs that node instead of the tests.
const ladderVariable = "GOLIVE_TEST_LADDER"

const smallRendition = "video1"

// ladderConfig configures the node.
type ladderConfig struct {
	Dir              string // of the local disk
	HTTP             string // its address for viewers
	Endpoint, Bucket string
	IDs              []string // of its broadcasts
}

// runNode publishes all broadcasts until SIGTERM, and serves them until it is killed.
func runNode(text string) error {
	var c ladderConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx := context.Background()
	log, reg := slog.New(slog.NewTextHandler(os.Stderr, nil)), prometheus.NewRegistry()
	store := storage.DefaultS3Config()
	store.Provider, store.Endpoint, store.Bucket = "custom", c.Endpoint, c.Bucket
	store.AccessKey, store.SecretKey = setting.NewSecret(s3test.AccessKey), setting.NewSecret(s3test.SecretKey)
	remote, err := s3.New(ctx, store)
	if err != nil {
		return err
	}
	files, err := disk.New(c.Dir)
	if err != nil {
		return err
	}
	window := playlist.DefaultConfig()
	local := archive.NewStore(files, archive.Config{
		Layout: archive.Layout{Prefix: "live"}, Window: window.Window, Uploaded: true,
	}, log, archive.NewMetrics(reg))
	hub := broadcast.NewHub(broadcast.Settings{
		Config: broadcast.DefaultConfig(), Segmenter: segmenter.DefaultConfig(), Playlist: window,
		ReconnectWindow: time.Minute, Retention: storage.RetentionConfig{Replay: time.Hour}, Prefix: "live",
	}, broadcast.Stores{Local: local, Bucket: remote}, log, broadcast.NewMetrics(reg))
	if err := hub.Restore(ctx); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.HTTP)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.Handle(origin.Prefix, origin.NewHandler(origin.DefaultConfig(), hub, origin.Guard{}, audience.New(nil, reg), origin.NewReadLimiter(64, nil), log, origin.NewMetrics(reg)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}

	publishing, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { _ = hub.Run(ctx) })
	for _, id := range c.IDs {
		running.Go(func() {
			if err := publishBoth(publishing, hub, id); err != nil {
				log.Error("publisher stopped", "broadcast", id, "err", err)
			}
		})
	}
	return server.Serve(ln)
}

// publishBoth publishes both renditions of a broadcast in real time until ctx is done.
func publishBoth(ctx context.Context, hub *broadcast.Hub, id string) error {
	sink, err := hub.Publish(ctx, id, ingest.Publisher{Evict: func(error) {}})
	if err != nil {
		return err
	}
	const piece = 10 * time.Second
	source := mediatest.Stream{Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: piece}
	small := source
	track := *mediatest.H264(320, 18)
	track.Number = 1
	small.Video, small.BitRate = &track, 100_000
	defer sink.Close(nil)
	for began := time.Now(); ; {
		source.Epoch, small.Epoch = began, began
		rungs := small.Units()
		for i, u := range source.Units() {
			select {
			case <-time.After(time.Until(u.Arrived)):
			case <-ctx.Done():
				return nil
			}
			if err := sink.WriteUnit(u); err != nil {
				return err
			}
			if !rungs[i].Track.Video() {
				continue
			}
			if err := sink.WriteUnit(rungs[i]); err != nil {
				return err
			}
		}
		began = began.Add(piece)
		source.Offset += media.TicksFromDuration(piece)
		small.Offset = source.Offset
	}
}
