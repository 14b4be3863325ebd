package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"golive/internal/config"
	"golive/origin/playtoken"
)

// playbackKeyName is the file of the private key of playback tokens in the data folder.
const playbackKeyName = "playback.key"

// playbackKeys sign and check playback tokens.
type playbackKeys struct {
	signer   *playtoken.Signer // nil on a node that has the public key alone
	secret   []byte            // derived from the private key; nil without it
	verifier *playtoken.Verifier
}

// openPlaybackKeys opens the keys of the configuration. At the first start it makes one in the
// data folder.
func openPlaybackKeys(cfg config.Config) (playbackKeys, error) {
	if file := cfg.Origin.PlaybackPublicKeyFile; file != "" {
		key, err := playtoken.ReadPublicKey(file)
		if err != nil {
			return playbackKeys{}, fmt.Errorf("origin.playback_public_key_file: %w", err)
		}
		return playbackKeys{verifier: playtoken.NewVerifier(key)}, nil
	}
	open, file := playtoken.ReadPrivateKey, cfg.Origin.PlaybackKeyFile
	if file == "" {
		open, file = playtoken.OpenPrivateKey, filepath.Join(cfg.DataDir, playbackKeyName)
	}
	key, err := open(file)
	if err != nil {
		return playbackKeys{}, fmt.Errorf("origin.playback_key_file: %w", err)
	}
	signer := playtoken.NewSigner(key)
	derived := hmac.New(sha256.New, key.Seed())
	derived.Write([]byte("golive: stream keys of repeated requests"))
	return playbackKeys{signer: signer, secret: derived.Sum(nil), verifier: signer.Verifier()}, nil
}
