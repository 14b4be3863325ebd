package registry

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"golive/internal/setting"
)

// Config is the section "registry" of the configuration.
type Config struct {
	// URL is the address of a NATS cluster, such as "nats://nats-1:4222,nats-2:4222"; empty
	// runs the registry inside this process.
	URL string `yaml:"url"`
	// User and Password are for a cluster that asks for them.
	User     string         `yaml:"user"`
	Password setting.Secret `yaml:"password"`
	// CredentialsFile names a file with a NATS user's JWT and key (.creds).
	CredentialsFile string `yaml:"credentials_file"`
	// CAFile names the certificates (PEM) to trust for tls://; empty is the system's.
	CAFile string `yaml:"ca_file"`
	// Required refuses new publishers, and stops writing playlists into the bucket, while
	// the registry is away.
	Required bool `yaml:"required"`
	// KeepEnded is how long the record of a broadcast is kept after its end, and how long one that
	// never begins; 0 is forever.
	KeepEnded time.Duration `yaml:"keep_ended"`
	// Events is true when somebody consumes the events of broadcasts; else none is stored.
	Events bool `yaml:"-"`
}

// DefaultConfig is a registry inside this process.
func DefaultConfig() Config { return Config{KeepEnded: 30 * 24 * time.Hour} }

// The bounds of KeepEnded.
const (
	minKeepEnded = time.Minute
	maxKeepEnded = 10 * 365 * 24 * time.Hour
)

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	const hint = `as in "nats://nats-1:4222,nats-2:4222" or "tls://nats.example.com:4222"`
	for _, address := range c.addresses() {
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "":
			p.Add("url", hint, "must be the addresses of NATS servers")
		case u.User != nil:
			p.Add("url", "use registry.user and registry.password", "must not contain a password")
		}
	}
	if c.User != "" && c.CredentialsFile != "" {
		p.Add("credentials_file", "keep one of them", "cannot be used together with user")
	}
	if c.KeepEnded != 0 && (c.KeepEnded < minKeepEnded || c.KeepEnded > maxKeepEnded) {
		p.Add("keep_ended", "use a duration from 1m to 87600h, such as 720h, or 0s to keep them forever", "%v is out of range", c.KeepEnded)
	}
	return p.Err()
}

// addresses returns the servers' addresses; none for the embedded server.
func (c Config) addresses() []string {
	if c.URL == "" {
		return nil
	}
	return strings.Split(c.URL, ",")
}

// ClusterConfig is the section "cluster" of the configuration: this node's name and address.
type ClusterConfig struct {
	// Node is the name of this node, unique among those with one registry; empty is the
	// host's name.
	Node string `yaml:"node"`
	// Advertise is the URL at which other nodes reach this one; may be empty.
	Advertise string `yaml:"advertise"`
}

// DefaultClusterConfig is a node with its host's name.
func DefaultClusterConfig() ClusterConfig { return ClusterConfig{} }

// maxNodeName is how many characters a node's name has at most.
const maxNodeName = 128

var nodeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// Validate reports every wrong value.
func (c ClusterConfig) Validate() error {
	var p setting.Problems
	if c.Node != "" && (!nodeName.MatchString(c.Node) || len(c.Node) > maxNodeName) {
		p.Add("node", "use letters, digits, '-', '_', and '.' in between", "%q cannot be a node's name", c.Node)
	}
	if c.Advertise != "" {
		if u, err := url.Parse(c.Advertise); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			p.Add("advertise", `as in "http://golive-1.internal:8080"`, "%q is not a URL", c.Advertise)
		}
	}
	return p.Err()
}

// Self returns this node. A host whose name cannot be a node's is "golive".
func (c ClusterConfig) Self() Node {
	n := Node{Name: c.Node, URL: c.Advertise}
	if n.Name == "" {
		host, err := os.Hostname()
		if n.Name = host; err != nil || !nodeName.MatchString(host) || len(host) > maxNodeName {
			n.Name = "golive"
		}
	}
	return n
}

const (
	// TTL is how long a session lasts after it was last renewed.
	TTL = 5 * time.Second
	// renewEvery is the time between two renewals.
	renewEvery = time.Second
	// margin is how long before a session may expire its node stops to rely on it: clocks
	// run at slightly different rates, and an answer takes its time.
	margin = time.Second
	// silentAfter is how long a node must not have renewed its session for others to take
	// its broadcasts over, as they do from a publisher that is silent.
	silentAfter = 2 * time.Second
	// recordTTL is how long a record outlives its last write, so that those of nodes that
	// never come back do not stay. The owner writes it again in half of that.
	recordTTL = time.Hour
	// markerTTL is how long the record bucket remembers that a record was removed, for the
	// watches.
	markerTTL = time.Minute
)

// Node is a node of the cluster.
type Node struct {
	// Name is unique in the cluster.
	Name string
	// URL is where other nodes reach it; may be empty.
	URL string
}
