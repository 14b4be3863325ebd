package registry

import (
	"net/url"
	"time"

	"golive/internal/setting"
)

// Config says where the registry is.
type Config struct {
	// URL is the address of a NATS cluster, such as "nats://nats-1:4222,nats-2:4222"; empty
	// runs the registry inside this process.
	URL string `yaml:"url"`
	// Required refuses new broadcasts while the registry is away.
	Required bool `yaml:"required"`
}

// DefaultConfig is a registry inside this process.
func DefaultConfig() Config { return Config{} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" {
			p.Add("url", `as in "nats://nats-1:4222,nats-2:4222"`, "must be the address of a NATS server")
		}
	}
	return p.Err()
}

const (
	// TTL is how long a lease lasts after it was acquired or renewed.
	TTL = 5 * time.Second
	// renewEvery is the time between two renewals.
	renewEvery = time.Second
	// margin is how long before a lease may expire its owner stops to rely on it: clocks
	// run at slightly different rates, and an answer takes its time.
	margin = time.Second
)

// Node is a node of the cluster.
type Node struct {
	// Name is unique in the cluster.
	Name string `json:"node"`
	// URL is where other nodes reach it; empty when it is alone.
	URL string `json:"url,omitempty"`
}
