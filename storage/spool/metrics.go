package spool

import "github.com/prometheus/client_golang/prometheus"

// Collector shows what the spool holds, for a registry.
type Collector struct {
	spool                             *Spool
	bytes, maxBytes, segments, damage *prometheus.Desc
}

// NewCollector makes the Collector of s.
func NewCollector(s *Spool) *Collector {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &Collector{
		spool:    s,
		bytes:    desc("golive_storage_spool_bytes", "Bytes of the files in the spool, of all broadcasts."),
		maxBytes: desc("golive_storage_spool_max_bytes", "Bytes that the spool may hold."),
		segments: desc("golive_storage_spool_segments", "Segments in the spool, of all broadcasts."),
		damage:   desc("golive_storage_spool_damaged_total", "Files of the spool that were found torn or damaged."),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(c.bytes, float64(c.spool.Bytes()))
	gauge(c.maxBytes, float64(c.spool.max))
	gauge(c.segments, float64(c.spool.Segments()))
	ch <- prometheus.MustNewConstMetric(c.damage, prometheus.CounterValue, float64(c.spool.Damaged()))
}
