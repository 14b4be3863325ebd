package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// values returns all metrics that are not zero, by name and labels.
func values(t *testing.T, reg *prometheus.Registry) (all map[string]float64, zeros int) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += "," + l.GetValue()
			}
			v := m.GetCounter().GetValue()
			if f.GetType() == dto.MetricType_GAUGE {
				v = m.GetGauge().GetValue()
			}
			if v == 0 {
				zeros++
				continue
			}
			all[name] = v
		}
	}
	return all, zeros
}

func TestMetrics_AddsTallies(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	if all, zeros := values(t, reg); len(all) != 0 || zeros < 35 {
		t.Errorf("at the start %d metrics are not zero and %d are, want 0 and 35 at least", len(all), zeros)
	}
	m.Connected()
	m.Connected()()
	m.SessionStarted()
	m.SessionStarted()
	m.SessionEnded("rtmp", EndIdle)
	m.Refused("rtmp", RefusedTaken)
	one := Tally{Bytes: 100, Video: 2, Audio: 3}
	one.Skipped[SkipNoConfig] = 4
	one.Repaired[RepairRestarted] = 5
	m.Add(one.Plus(one))
	want := map[string]float64{
		"golive_ingest_connections":                  1,
		"golive_ingest_sessions":                     1,
		"golive_ingest_session_ends_total,rtmp,idle": 1,
		"golive_ingest_refusals_total,rtmp,taken":    1,
		"golive_ingest_received_bytes_total":         200,
		"golive_ingest_access_units_total,video":     4,
		"golive_ingest_access_units_total,audio":     6,
		"golive_ingest_skipped_total,no_config":      8,
		"golive_ingest_repairs_total,restarted":      10,
	}
	all, _ := values(t, reg)
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
