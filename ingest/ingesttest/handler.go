package ingesttest

import (
	"context"
	"sync"
	"testing"

	"golive/ingest"
	"golive/media"
)

// Handler is an ingest.PublishHandler that accepts every publisher and keeps its media.
type Handler struct {
	// Opened gets the Sink of each accepted publisher.
	Opened chan *Sink
	// OnWrite, if not nil, is called for each unit. A unit for which it returns an error is not kept.
	OnWrite func(media.AccessUnit) error
	// OnClose, if not nil, is called with the broadcast's id before a Sink is closed.
	OnClose func(id string)

	mu      sync.Mutex
	refusal error
}

// NewHandler returns a Handler that accepts every publisher.
func NewHandler() *Handler { return &Handler{Opened: make(chan *Sink, 1000)} }

// Refuse lets the Handler refuse publishers with err, and accept them if err is nil.
func (h *Handler) Refuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusal = err
}

// Publish implements ingest.PublishHandler.
func (h *Handler) Publish(_ context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal != nil {
		return nil, h.refusal
	}
	s := &Sink{
		ID: id, Publisher: p, handler: h, Closed: make(chan struct{}),
		Wrote: make(chan media.AccessUnit, 100_000), Warned: make(chan ingest.Warning, 1000), Cleared: make(chan ingest.WarningCode, 1000),
	}
	h.Opened <- s
	return s, nil
}

// Sink keeps what the session of a publisher writes.
type Sink struct {
	ID        string // of the broadcast
	Publisher ingest.Publisher
	Wrote     chan media.AccessUnit
	Warned    chan ingest.Warning
	Cleared   chan ingest.WarningCode
	Closed    chan struct{}
	Cause     error // why the session has ended, valid after Closed

	handler *Handler
}

// WriteUnit implements ingest.Sink.
func (s *Sink) WriteUnit(u media.AccessUnit) error {
	if s.handler.OnWrite != nil {
		if err := s.handler.OnWrite(u); err != nil {
			return err
		}
	}
	s.Wrote <- u
	return nil
}

// Warn implements ingest.Warner.
func (s *Sink) Warn(w ingest.Warning) { s.Warned <- w }

// ClearWarning implements ingest.Warner.
func (s *Sink) ClearWarning(code ingest.WarningCode) { s.Cleared <- code }

// Close implements ingest.Sink.
func (s *Sink) Close(cause error) {
	if s.handler.OnClose != nil {
		s.handler.OnClose(s.ID)
	}
	s.Cause = cause
	close(s.Closed)
}

// Unit waits for the next unit.
func (s *Sink) Unit(t testing.TB) media.AccessUnit {
	t.Helper()
	return Await(t, "a unit", s.Wrote)
}

// End waits for the end of the session and returns its cause.
func (s *Sink) End(t testing.TB) error {
	t.Helper()
	Await(t, "the end of the session", s.Closed)
	return s.Cause
}

// Counter is a PublishHandler and a Sink that counts units, for benchmarks.
type Counter struct{ Units int }

// Publish implements ingest.PublishHandler.
func (c *Counter) Publish(context.Context, string, ingest.Publisher) (ingest.Sink, error) {
	return c, nil
}

// WriteUnit implements ingest.Sink.
func (c *Counter) WriteUnit(media.AccessUnit) error { c.Units++; return nil }

// Close implements ingest.Sink.
func (c *Counter) Close(error) {}
