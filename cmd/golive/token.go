package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/internal/config"
	"golive/origin/playtoken"
)

// token prints a playback token for a broadcast, and the addresses with it.
func token(args, env []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	file := flags.String("config", "", "configuration `file` of the server, for its key")
	ttl := flags.Duration("ttl", 12*time.Hour, "how long the token is valid")
	generation := flags.Int("generation", 0, "the generation of the broadcast's tokens, if earlier ones were revoked")
	url := flags.String("url", "", "where viewers reach the server; by default on this machine")
	if err := parse(flags, args, stderr, 1, 1); err != nil {
		return err
	}
	id := flags.Arg(0)
	if err := ingest.CheckID(id); err != nil {
		return fmt.Errorf("%q: %w", id, err)
	}
	if *ttl < time.Second || *generation < 0 {
		return errors.New("-ttl must be at least 1s, and -generation at least 0")
	}
	loaded, err := config.Load(config.Input{File: *file, Env: env})
	if err != nil {
		return err
	}
	signer, err := readSigner(loaded.Config)
	if err != nil {
		return err
	}
	segment := signer.Sign(id, *generation, time.Now().Add(*ttl))
	base := strings.TrimSuffix(*url, "/")
	if base == "" {
		base = "http://localhost:" + strconv.Itoa(portOf(loaded.Config.Origin.Listen)) + loaded.Config.Origin.BasePath
	}
	_, err = fmt.Fprintf(stdout, "%s\n%s/live/%s/%s/%s\n%s/watch/%s/%s\n",
		strings.TrimPrefix(segment, playtoken.Mark), base, id, segment, archive.PlaylistName, base, id, segment)
	return err
}

// readSigner returns the Signer of a server with that configuration. Unlike the server it makes no
// key: one that the server does not have would be useless.
func readSigner(cfg config.Config) (*playtoken.Signer, error) {
	if cfg.Origin.PlaybackPublicKeyFile != "" {
		return nil, errors.New("this node has the public key alone (origin.playback_public_key_file): run golive token where the private key is")
	}
	file := cfg.Origin.PlaybackKeyFile
	if file == "" {
		file = filepath.Join(cfg.DataDir, playbackKeyName)
	}
	key, err := playtoken.ReadPrivateKey(file)
	if err != nil {
		return nil, fmt.Errorf("%w (golive serve makes the key at its first start; -config says where)", err)
	}
	return playtoken.NewSigner(key), nil
}
