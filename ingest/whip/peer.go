package whip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const (
	// nackInterval is the time between two requests for missing packets.
	nackInterval = 20 * time.Millisecond
	// iceDisconnected and iceFailed are how long nothing may be received: after iceFailed more, the
	// connection is lost.
	iceDisconnected = 5 * time.Second
	iceFailed       = 10 * time.Second
	// dtlsRepeat is the time after which a message of the DTLS handshake is sent again: the first one
	// comes before some peers listen.
	dtlsRepeat = 100 * time.Millisecond
	// replayWindow is how many packets later one may still come, since it was sent again.
	replayWindow = reorderSlots
	// gatherTimeout bounds the search for the addresses of the interfaces.
	gatherTimeout = 5 * time.Second
)

// peer is the WebRTC connection of a session.
type peer struct {
	conn *webrtc.PeerConnection
	// Packets and reports of tracks, and changes of the connection, go to events until done is closed.
	events chan any
	done   chan struct{}

	reading  sync.WaitGroup // the goroutines that read tracks
	mu       sync.Mutex     // guards the rest
	closed   bool
	offer    string
	tag      string // of the ICE session
	restarts int
	// taken are the tracks that are read: one of each kind.
	taken map[webrtc.RTPCodecType]bool
}

// trackBegan, packetArrived, and a *rtcp.SenderReport with its kind, and a webrtc.PeerConnectionState are events.
type (
	trackBegan struct {
		kind  webrtc.RTPCodecType
		ssrc  webrtc.SSRC
		codec webrtc.RTPCodecParameters
	}
	packetArrived struct {
		kind webrtc.RTPCodecType
		arrival
	}
	reportArrived struct {
		kind webrtc.RTPCodecType
		*rtcp.SenderReport
	}
)

// newPeer returns a connection for an offer.
func newPeer(o *offer, settings webrtc.SettingEngine, certificate webrtc.Certificate) (*peer, error) {
	codecs, filters := &webrtc.MediaEngine{}, &interceptor.Registry{}
	for kind, all := range map[webrtc.RTPCodecType][]webrtc.RTPCodecParameters{webrtc.RTPCodecTypeVideo: o.video, webrtc.RTPCodecTypeAudio: o.audio} {
		for _, c := range all {
			if err := codecs.RegisterCodec(c, kind); err != nil {
				return nil, fmt.Errorf("%w: %w", errSyntax, err)
			}
		}
	}
	err := errors.Join(
		webrtc.ConfigureNackWithOptions(codecs, filters, []nack.GeneratorOption{nack.GeneratorInterval(nackInterval)}),
		webrtc.ConfigureRTCPReports(filters),
		webrtc.ConfigureTWCCSender(codecs, filters),
	)
	if err != nil {
		return nil, fmt.Errorf("configure RTP: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(filters), webrtc.WithSettingEngine(settings))
	conn, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{certificate}})
	if err != nil {
		return nil, fmt.Errorf("create a connection: %w", err)
	}
	p := &peer{
		conn: conn, events: make(chan any, 256), done: make(chan struct{}),
		offer: o.text, taken: map[webrtc.RTPCodecType]bool{},
	}
	conn.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { p.send(s) })
	conn.OnTrack(p.track)
	return p, nil
}

// settings returns the settings of all connections of a server. It is an ICE-lite agent (RFC 8445
// section 2.5): it sends nothing to an address before it has received something from there, so an
// offer cannot make it send to others.
func settings(mux ice.UDPMux, advertise []string, log loggers) (s webrtc.SettingEngine, err error) {
	s.LoggerFactory = log
	s.SetLite(true)
	s.SetICEUDPMux(mux)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetDTLSRetransmissionInterval(dtlsRepeat)
	s.SetSRTPReplayProtectionWindow(replayWindow)
	s.SetICETimeouts(iceDisconnected, iceFailed, time.Second)
	if len(advertise) > 0 {
		err = s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{External: advertise, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace})
	}
	return s, err
}

// send sends an event, unless the session has ended.
func (p *peer) send(event any) {
	select {
	case p.events <- event:
	case <-p.done:
	}
}

// answer answers an offer.
func (p *peer) answer(ctx context.Context, offer string) (string, error) {
	if err := p.conn.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %w", errSyntax, err)
	}
	answer, err := p.conn.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errCodecs, err)
	}
	gathered := webrtc.GatheringCompletePromise(p.conn)
	if err := p.conn.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", ctx.Err())
	}
	return p.conn.LocalDescription().SDP, nil
}

// begin answers the peer's offer.
func (p *peer) begin(ctx context.Context) (answer string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer, err = p.answer(ctx, p.offer)
	if err != nil {
		return "", err
	}
	p.tag = `"` + userOf(answer) + `"`
	return answerOpus(answer)
}

// restart begins another ICE session, with the peer's new credentials (RFC 9725 section 4.3.3). It returns
// the fragment for the peer. The caller holds mu.
func (p *peer) restart(ctx context.Context, f fragment) (string, error) {
	const most = 1000
	if p.restarts++; p.restarts > most {
		return "", fmt.Errorf("%w: it was restarted too often", errSyntax)
	}
	offer, err := withCredentials(p.offer, f.user, f.password)
	if err != nil {
		return "", err
	}
	answer, err := p.answer(ctx, offer)
	if err != nil {
		return "", err
	}
	p.offer, p.tag = offer, `"`+userOf(answer)+`"`
	return fragmentOf(answer)
}

// addCandidates adds candidates of the peer. The caller holds mu.
func (p *peer) addCandidates(f fragment) error {
	for _, c := range f.candidates {
		if err := p.conn.AddICECandidate(c); err != nil {
			return fmt.Errorf("%w: a candidate", errSyntax)
		}
	}
	return nil
}

// track reads a track until it ends.
func (p *peer) track(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	kind := t.Kind()
	p.mu.Lock()
	if p.closed || p.taken[kind] {
		p.mu.Unlock()
		return
	}
	p.taken[kind] = true
	p.reading.Go(func() { p.readReports(kind, r) })
	p.reading.Add(1)
	p.mu.Unlock()
	defer p.reading.Done()
	p.send(trackBegan{kind, t.SSRC(), t.Codec()})
	for {
		packet, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		p.send(packetArrived{kind, arrival{packet, time.Now()}})
	}
}

// readReports reads the reports of a track's sender until it ends.
func (p *peer) readReports(kind webrtc.RTPCodecType, r *webrtc.RTPReceiver) {
	for {
		packets, _, err := r.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if report, ok := packet.(*rtcp.SenderReport); ok {
				p.send(reportArrived{kind, report})
			}
		}
	}
}

// requestKey requests a key frame (RFC 4585 section 6.3.1).
func (p *peer) requestKey(ssrc webrtc.SSRC) {
	// If it is lost or cannot be sent, it is repeated.
	_ = p.conn.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
}

// entityTag returns the entity tag of the current ICE session.
func (p *peer) entityTag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tag
}

// close closes the connection and waits for its goroutines.
func (p *peer) close() {
	close(p.done)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.conn.GracefulClose() // the peer may be gone
	p.reading.Wait()
}
