package httpserver

import "golive/internal/setting"

// LimitsConfig limits what viewers can make the server hold.
type LimitsConfig struct {
	// Connections is how many there may be at once; 0 is what there are file
	// descriptors for, see internal/descriptors.
	Connections int `yaml:"connections"`
	// ConnectionsPerAddress is the same for one IPv4 address, or one IPv6 network
	// (/64); 0 is no limit but that no address may hold more than are free.
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
