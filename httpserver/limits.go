package httpserver

import "golive/internal/setting"

// LimitsConfig limits the connections that viewers can hold.
type LimitsConfig struct {
	// Connections is how many there may be at once; 0 means as many as there are file
	// descriptors for, see internal/descriptors.
	Connections int `yaml:"connections"`
	// ConnectionsPerAddress is the same for one IPv4 address, or one IPv6 network
	// (/64); 0 means no limit, except that no address may hold more than are free.
	ConnectionsPerAddress int `yaml:"connections_per_address"`
}

func (c LimitsConfig) validate(p *setting.Problems) {
	if c.Connections < 0 {
		p.Add("limits.connections", "0 is what the file descriptors allow", "must not be negative")
	}
	if c.ConnectionsPerAddress < 0 {
		p.Add("limits.connections_per_address", "0 is no limit", "must not be negative")
	}
}
