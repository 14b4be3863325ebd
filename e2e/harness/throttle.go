package harness

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Throttle limits what a page receives to a number of bytes a second, 0 for no limit, and delays
// each response.
func (p *Page) Throttle(bytesPerSecond int, delay time.Duration) {
	p.tb.Helper()
	none := -1.0
	c := &network.Conditions{Latency: float64(delay.Milliseconds()), DownloadThroughput: none, UploadThroughput: none}
	if bytesPerSecond > 0 {
		c.DownloadThroughput = float64(bytesPerSecond)
	}
	params := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{c}}
	p.Do(func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		var nothing chromedp.Void
		if _, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{}); err != nil {
			return nothing, err
		}
		_, err := cdp.Call(ctx, tab, network.EmulateNetworkConditionsByRule, params)
		return nothing, err
	})
}
