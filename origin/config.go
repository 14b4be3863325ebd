package origin

import (
	"errors"
	"fmt"

	"golive/httpserver"
	"golive/internal/setting"
)

// Config is how viewers reach the origin, who may watch, and what it keeps for them.
type Config struct {
	httpserver.Config `yaml:",inline"`
	Playback          Playback `yaml:"playback"`
	// PlaybackKeyFile has the private key (Ed25519, PEM) of playback tokens; empty: the key in the
	// data folder.
	PlaybackKeyFile string `yaml:"playback_key_file"`
	// PlaybackPublicKeyFile has the public key (PEM) of playback tokens that others sign, in place
	// of a private key; may be empty.
	PlaybackPublicKeyFile string `yaml:"playback_public_key_file"`
	// ReplayCache is how many bytes of segments that were read from a bucket are kept in
	// memory for the next viewers; 0 keeps none.
	ReplayCache setting.Bytes `yaml:"replay_cache"`
}

// Playback is who may watch a broadcast that is neither private nor a preview.
type Playback string

// The values of Playback.
const (
	// PlaybackPublic lets everybody watch.
	PlaybackPublic Playback = "public"
	// PlaybackSigned lets those watch who have a playback token.
	PlaybackSigned Playback = "signed"
)

// DefaultConfig returns the defaults of httpserver, and a cache of 64 MiB.
func DefaultConfig() Config {
	return Config{Config: httpserver.DefaultConfig(), Playback: PlaybackPublic, ReplayCache: 64 * setting.MiB}
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Playback != PlaybackPublic && c.Playback != PlaybackSigned {
		p.Add("playback", fmt.Sprintf("write %s or %s", PlaybackPublic, PlaybackSigned), "%q is not a value", string(c.Playback))
	}
	if c.PlaybackKeyFile != "" && c.PlaybackPublicKeyFile != "" {
		p.Add("playback_public_key_file", "remove it: the private key has it, too", "must be empty when playback_key_file is set")
	}
	if c.ReplayCache < 0 {
		p.Add("replay_cache", `as in "64MiB"; 0 keeps nothing`, "must not be negative")
	}
	return errors.Join(c.Config.Validate(), p.Err())
}
