package s3test

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"golive/internal/setting"
	"golive/storage"
)

// AccessKey and SecretKey are the server's only key pair.
const (
	AccessKey = "golive-test-key"
	SecretKey = "golive-test-secret"
)

const (
	region    = "us-east-1"
	startTime = 10 * time.Second
)

// Server is a running versitygw.
type Server struct {
	// Address is HOST:PORT.
	Address string
	// Dir holds a folder for each bucket, and in it a file for each object.
	Dir string

	program  string
	versions string
	flags    []string
	process  *exec.Cmd
}

// Start runs a server until the test ends. The flags are versitygw's own, such as
// "--cert".
func Start(tb testing.TB, flags ...string) *Server {
	tb.Helper()
	s := &Server{program: program(tb), Dir: tb.TempDir(), versions: tb.TempDir(), flags: flags}
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Address = ln.Addr().String()
	if err := ln.Close(); err != nil {
		tb.Fatal(err)
	}
	s.Run(tb)
	tb.Cleanup(s.Kill)
	return s
}

// program returns the path of versitygw.
func program(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("GOLIVE_VERSITYGW"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		path := filepath.Join(dir, "bin", "versitygw")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	const missing = "there is no S3-compatible server: make bin/versitygw"
	if os.Getenv("CI") != "" || os.Getenv("GOLIVE_S3") != "" {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

// Run starts the server, for the first time or again with the same buckets, and
// waits until it listens.
func (s *Server) Run(tb testing.TB) {
	tb.Helper()
	// The child outlives the test's context: Kill ends it.
	args := append([]string{"--quiet", "--keep-alive", "--port", s.Address, "--region", region}, s.flags...)
	args = append(args, "posix", "--versioning-dir", s.versions, s.Dir)
	s.process = exec.CommandContext(context.WithoutCancel(tb.Context()), s.program, args...)
	s.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	var stderr strings.Builder
	s.process.Stderr = &stderr
	if err := s.process.Start(); err != nil {
		tb.Fatal(err)
	}
	timeout := time.After(startTime)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", s.Address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-again.C:
		case <-timeout:
			s.Kill()
			tb.Fatalf("versitygw does not listen on %s: %s", s.Address, stderr.String())
		}
	}
}

// Kill ends the server at once; Run starts it again.
func (s *Server) Kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// Pause stops the server without ending it: connections stay open and silent until
// Resume.
func (s *Server) Pause() { _ = s.process.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { _ = s.process.Process.Signal(syscall.SIGCONT) }

// Config returns the configuration of a new, empty bucket on the server.
func (s *Server) Config(tb testing.TB) storage.S3Config {
	tb.Helper()
	cfg := storage.DefaultS3Config()
	cfg.Provider = "custom"
	cfg.Endpoint = "http://" + s.Address
	cfg.Bucket = "test-" + strings.ToLower(rand.Text()[:12])
	cfg.AccessKey, cfg.SecretKey = setting.NewSecret(AccessKey), setting.NewSecret(SecretKey)
	_, err := s.Client().CreateBucket(tb.Context(), &s3.CreateBucketInput{Bucket: &cfg.Bucket})
	if err != nil {
		tb.Fatal(err)
	}
	return cfg
}

// KeepVersions makes the bucket keep every version of its objects.
func (s *Server) KeepVersions(tb testing.TB, bucket string) {
	tb.Helper()
	_, err := s.Client().PutBucketVersioning(tb.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// AllowOrigin gives the bucket a CORS rule.
func (s *Server) AllowOrigin(tb testing.TB, bucket, origin string) {
	tb.Helper()
	_, err := s.Client().PutBucketCors(tb.Context(), &s3.PutBucketCorsInput{
		Bucket: &bucket,
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{origin},
			AllowedMethods: []string{"GET", "HEAD"},
			AllowedHeaders: []string{"*"},
		}}},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Client returns the SDK's client of the server, on plain HTTP.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		Region:       region,
		BaseEndpoint: aws.String("http://" + s.Address),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
}
