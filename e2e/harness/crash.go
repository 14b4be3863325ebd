package harness

import (
	"context"
	"sync"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/chromedp"
)

// watchForCrash fails the test if the page's process crashes, with what the browser has written, and ends
// all calls to the page, which would otherwise wait for their time limits.
func (p *Page) watchForCrash(out *output, cancel context.CancelFunc) {
	events := chromedp.Events(p.ctx, inspector.TargetCrashed)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, err := range events {
			if err == nil {
				p.tb.Errorf("the page's process has crashed; Chromium's output:\n%s", out)
				cancel()
			}
			return
		}
	}()
	p.tb.Cleanup(func() {
		cancel()
		<-ended
	})
}

// maxOutput is how much of a browser's output is kept, in bytes.
const maxOutput = 16 << 10

// output has the end of what a browser has written. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, text...)
	if extra := len(o.text) - maxOutput; extra > 0 {
		o.text = append(o.text[:0], o.text[extra:]...)
	}
	return len(text), nil
}

// String returns what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
