package harness

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is one connection through a Proxy.
type link struct {
	proxy     *Proxy
	near, far *net.TCPConn
	lost      chan struct{} // closed when nothing is forwarded any more
	gone      chan struct{} // closed when both ends are closed
	once      sync.Once
}

// cut cuts the connection, and reports whether it was not cut before. The caller holds the
// proxy's lock.
func (l *link) cut(how Cut) bool {
	select {
	case <-l.lost:
		return false // a black hole already
	default:
	}
	switch how {
	case Reset:
		_, _ = l.near.SetLinger(0), l.far.SetLinger(0)
		l.drop()
	case Finish:
		l.drop()
	case BlackHole:
		close(l.lost)
	case HalfReset:
		close(l.lost)
		_, _ = l.near.SetLinger(0), l.near.Close()
	}
	return true
}

func (l *link) drop() {
	l.once.Do(func() {
		close(l.gone)
		_, _ = l.near.Close(), l.far.Close()
	})
}

// run forwards until an end closes. In a black hole the close is not forwarded.
func (l *link) run() {
	var both sync.WaitGroup
	both.Go(func() { l.forward(l.far, l.near, true) })
	both.Go(func() { l.forward(l.near, l.far, false) })
	both.Wait()
	l.drop()
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

// packet is data to be forwarded at a time.
type packet struct {
	due  time.Time
	data []byte
}

func (l *link) forward(to, from *net.TCPConn, up bool) {
	queue := make(chan packet, 256)
	var writing sync.WaitGroup
	writing.Go(func() { l.deliver(to, queue, up) })
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p := packet{due: time.Now(), data: bytes.Clone(buf[:n])}
			if up {
				p.due = p.due.Add(time.Duration(l.proxy.delay.Load()))
				if rate := l.proxy.rate.Load(); rate > 0 {
					l.sleep(time.Duration(n) * time.Second / time.Duration(rate))
				}
			}
			select {
			case queue <- p:
			case <-l.gone:
			}
		}
		if err != nil {
			break
		}
	}
	close(queue)
	writing.Wait()
	select {
	case <-l.lost:
		<-l.gone // the close is not forwarded either
	default:
		l.drop()
	}
}

// deliver writes packets when they are due, until the connection is cut.
func (l *link) deliver(to *net.TCPConn, queue <-chan packet, up bool) {
	for p := range queue {
		l.sleep(time.Until(p.due))
		if stall := l.proxy.stalled(); stall != nil {
			select {
			case <-stall:
			case <-l.gone:
			}
		}
		select {
		case <-l.lost:
			continue
		case <-l.gone:
			continue
		default:
		}
		if _, err := to.Write(p.data); err != nil {
			if !errors.Is(err, io.EOF) {
				l.drop()
			}
			continue
		}
		if up {
			l.proxy.bytes.Add(int64(len(p.data)))
		}
	}
}

// sleep waits for d or until both ends are closed.
func (l *link) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.gone:
	}
}
