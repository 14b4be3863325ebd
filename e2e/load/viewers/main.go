// Command viewers simulates viewers: thousands of players of one stream, a few connections that
// request one resource as fast as possible, or thousands that read slowly. {n} in the URL is
// each viewer's number, from 1. The load benchmark runs it as a separate process, so that its
// CPU time is not counted. It writes a report as JSON to its standard output.
//
// Command viewers does not know golive's packages, except internal/hlscheck, which parses playlists,
// nor the content of media.
//
// It starts one goroutine for each viewer and waits for them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// audience configures the viewers.
type audience struct {
	mode    string
	viewers int
	ramp    time.Duration // time in which they start, one after the other
	watch   time.Duration // time for which all of them run
	headers string        // of each request

	addresses int // number of loopback addresses that they use
}

// numberPlaceholder stands for a viewer's number, from 1, in a URL.
const numberPlaceholder = "{n}"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "viewers:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	var a audience
	flags := flag.NewFlagSet("viewers", flag.ContinueOnError)
	flags.StringVar(&a.mode, "mode", "ll", "`how` to watch: ll; wait, which is ll without fetching parts; plain; hammer, which asks for the URL again and again; or slow, which asks once and reads a byte a second")
	flags.IntVar(&a.addresses, "addresses", 1, "number of loopback addresses to use")
	flags.IntVar(&a.viewers, "viewers", 1, "how many")
	flags.DurationVar(&a.ramp, "ramp", 0, "the time in which they start")
	flags.DurationVar(&a.watch, "watch", 10*time.Second, "the time for which all of them run and which is reported")
	browser := flags.Bool("browser", false, "ask with the headers of a browser, and for gzip")
	if err := flags.Parse(args); err != nil {
		return err
	}
	to, err := url.Parse(flags.Arg(0))
	if err != nil {
		return err
	}
	a.headers = "Host: " + to.Host + "\r\n"
	if *browser {
		a.headers += browserHeaders
	}
	// Many small objects are long-lived and few are allocated: collect rarely.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return json.NewEncoder(stdout).Encode(a.run(ctx, to))
}

// run runs all viewers, and returns the report.
func (a audience) run(ctx context.Context, to *url.URL) report {
	ctx, cancel := context.WithTimeout(ctx, a.ramp+a.watch)
	defer cancel()
	began := time.Now()
	t := newTally(began.Add(a.ramp))
	lists := &playlists{}
	var all sync.WaitGroup
	for i := range a.viewers {
		wait := a.ramp * time.Duration(i) / time.Duration(a.viewers)
		all.Go(func() {
			if !sleep(ctx, wait) {
				return
			}
			own := *to
			own.Path = strings.ReplaceAll(to.Path, numberPlaceholder, strconv.Itoa(i+1))
			v := &viewer{to: &own, from: viewerAddress(i % a.addresses), headers: a.headers, tally: t, lists: lists}
			v.watch(ctx, a.mode)
		})
	}
	all.Wait()
	return t.report(a.viewers, time.Since(began)-a.ramp)
}

// viewerAddress returns the loopback address of a viewer.
func viewerAddress(n int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(n+1))} }

// sleep waits for d; it returns false if ctx is done first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// browserHeaders are those of hls.js in Chromium.
const browserHeaders = "Connection: keep-alive\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"Accept: */*\r\n" +
	"Origin: http://localhost:8080\r\n" +
	"Sec-Fetch-Site: cross-site\r\n" +
	"Sec-Fetch-Mode: cors\r\n" +
	"Sec-Fetch-Dest: empty\r\n" +
	"Referer: http://localhost:8080/\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n"
