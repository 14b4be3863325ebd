package origin

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golive/internal/connlimit"
)

// streamsPerConnection is how many requests of HTTP/2 may be under way at once, on
// average: a low-latency player has a playlist and a part, of each of two
// renditions. One connection may have many more.
const streamsPerConnection = 4

// places lets so many connections in, and no more.
//
// While there are many free places everybody gets one. But no address may hold
// more of them than are free: one that takes all it can gets half, two get a third
// each, and there is always something left for others. The same goes for the
// requests of HTTP/2, of which a connection can have many.
type places struct {
	most       int // connections
	perAddress int // connections of one address; 0 is no limit of its own
	proxies    []netip.Prefix
	offenders  offenders
	streams    atomic.Int64 // of HTTP/2, under way

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]*holder
}

// holder is an address that holds places.
type holder struct {
	taken   int          // places.mu guards it
	streams atomic.Int64 // of HTTP/2, under way
}

// place is one connection's.
type place struct {
	of      *places
	network netip.Prefix
	holder  *holder // nil for a proxy, which is many viewers
}

// refusal is why a peer is not let in.
type refusal string

// The reasons, as the metric has them.
const (
	refusedConnections refusal = "connections" // no place is free
	refusedAddress     refusal = "address"     // the peer's address holds too many
	refusedStreams     refusal = "streams"     // too many requests are under way
	refusedFlood       refusal = "flood"       // the peer's address has just flooded others
	refusedReads       refusal = "reads"       // too many stored segments are read
)

func newPlaces(most, perAddress int, proxies []netip.Prefix) *places {
	return &places{
		most: most, perAddress: perAddress, proxies: proxies, by: map[netip.Prefix]*holder{},
		offenders: offenders{by: map[netip.Prefix]*bucket{}},
	}
}

// take gives a place to a peer, or says why not.
func (p *places) take(remote net.Addr) (*place, refusal) {
	address := addressOf(remote)
	network, isProxy := connlimit.NetworkOf(address), contains(p.proxies, address)
	if !isProxy && p.offenders.barred(network, time.Now()) {
		return nil, refusedFlood
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.most {
		return nil, refusedConnections
	}
	if isProxy {
		p.taken++
		return &place{of: p}, ""
	}
	h := p.by[network]
	if h == nil {
		h = &holder{}
	}
	if h.taken >= p.most-p.taken || p.perAddress > 0 && h.taken >= p.perAddress {
		return nil, refusedAddress
	}
	p.taken++
	h.taken++
	p.by[network] = h
	return &place{of: p, network: network, holder: h}, ""
}

// leave gives the place back.
func (p *place) leave() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.taken--
	if p.holder == nil {
		return
	}
	if p.holder.taken--; p.holder.taken == 0 {
		delete(p.of.by, p.network)
	}
}

// offend remembers that the address has flooded a connection.
func (p *place) offend() {
	if p.holder != nil {
		p.of.offenders.add(p.network, time.Now())
	}
}

// begin admits one more request of HTTP/2; end must follow whatever it says.
func (p *place) begin() bool {
	free := int64(streamsPerConnection*p.of.most) - p.of.streams.Add(1)
	held := int64(0)
	if p.holder != nil {
		held = p.holder.streams.Add(1) - 1
	}
	return free >= 0 && held <= free
}

func (p *place) end() {
	p.of.streams.Add(-1)
	if p.holder != nil {
		p.holder.streams.Add(-1)
	}
}

// addressOf is a peer's address; the zero Addr when it has none.
func addressOf(remote net.Addr) netip.Addr {
	if tcp, ok := remote.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func contains(all []netip.Prefix, a netip.Addr) bool {
	for _, p := range all {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
