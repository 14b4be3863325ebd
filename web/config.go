package web

import "golive/internal/setting"

// Config is what the pages tell a broadcaster. It holds no keys of its own in
// the configuration file: cmd/golive fills it from other rooms' sections.
type Config struct {
	// RTMPPort is the TCP port that encoders publish to, from 1 to 65535.
	RTMPPort int
	// Open says that anybody may publish under any free name; otherwise the pages
	// speak of a stream key.
	Open bool
	// Secure is the https:// address, without a slash at its end, to which visitors
	// without TLS are redirected; empty is off.
	Secure string
	// Version is the program's version, shown at the foot of the home page.
	Version string
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.RTMPPort < 1 || c.RTMPPort > 65535 {
		p.Add("rtmp_port", "1935 is RTMP's own", "must be from 1 to 65535")
	}
	return p.Err()
}
