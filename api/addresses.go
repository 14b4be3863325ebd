package api

import (
	"strconv"
	"strings"
	"time"

	"golive/api/auth"
	"golive/registry"
)

// Ingest is where publishers connect to. Ports that are 0 are off.
type Ingest struct {
	RTMP, RTMPS int
	WebSocket   bool // below the address of each broadcast
	WHIP        bool
}

// IngestAddresses are the addresses for an encoder. The stream key is not part of them: secrets do
// not belong into addresses.
type IngestAddresses struct {
	RTMP      *string `json:"rtmp" example:"rtmp://live.example.com:1935/live" doc:"The server address for RTMP; the stream key is entered separately, or follows after a slash."`
	RTMPS     *string `json:"rtmps" doc:"The same inside TLS; null if it is off."`
	WebSocket *string `json:"websocket" example:"wss://live.example.com/v1/broadcasts/8f3c2a/publish" doc:"For a page, over WebSocket; the stream key is offered as a subprotocol. Null if it is off, and for a channel."`
	WHIP      *string `json:"whip" doc:"For WebRTC (RFC 9725); null if it is off."`
}

const (
	rtmpPort  = 1935
	rtmpsPort = 443
	app       = "/live"
)

// ingestAddresses returns where publishers of the broadcast connect to, for a client that reaches
// the server at base. An empty id is a channel's next broadcast.
func (a *API) ingestAddresses(base, id string) IngestAddresses {
	host, in := hostOf(base), a.Server.Ingest
	at := func(scheme string, port, standard int) *string {
		if port == 0 {
			return nil
		}
		text := scheme + "://" + host
		if port != standard || scheme == "rtmp" { // some encoders need the port of rtmp
			text += ":" + strconv.Itoa(port)
		}
		text += app
		return &text
	}
	all := IngestAddresses{RTMP: at("rtmp", in.RTMP, rtmpPort), RTMPS: at("rtmps", in.RTMPS, rtmpsPort)}
	if in.WHIP {
		all.WHIP = new(base + "/v1/whip")
	}
	if in.WebSocket && id != "" {
		all.WebSocket = new("ws" + strings.TrimPrefix(base, "http") + "/v1/broadcasts/" + id + "/publish")
	}
	return all
}

// tokenLife is how long the owner's playback token is valid.
const tokenLife = 24 * time.Hour

// playback returns where a broadcast can be watched. For the owner of one that not everybody can
// watch, the addresses have a token.
func (a *API) playback(base string, c auth.Caller, b registry.Broadcast) *Playback {
	at := b.ID
	if a.Signer != nil && owns(c, b) && (b.IsHidden() || a.SignAll) {
		at += "/" + a.Signer.Sign(b.ID, b.Generation, time.Now().Add(tokenLife))
	}
	live := base + "/live/" + at
	return &Playback{HLS: live + "/index.m3u8", TS: live + "/ts.m3u8", Watch: base + "/watch/" + at, Embed: base + "/embed/" + at}
}
