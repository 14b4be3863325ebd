package ingest

import (
	"strings"
	"testing"
)

func TestRepairWatch_WarnsOfPersistentRepairsAndClears(t *testing.T) {
	var w RepairWatch
	var once, many RepairCounts
	once[RepairNudged] = 1
	many[RepairSpread], many[RepairReordered] = 15, 1

	for i, counts := range []RepairCounts{{}, once, {}, {}, once, {}} {
		if found, over := w.Add(counts); found != nil || over {
			t.Errorf("span %d: single repairs are warned of: %v", i, found)
		}
	}
	var found *Warning
	spans := 0
	for ; found == nil && spans < 20; spans++ {
		found, _ = w.Add(many)
	}
	if found == nil || found.Code != WarnTimestampsRepaired || spans > persistentSpans {
		t.Fatalf("warned after %d spans: %v", spans, found)
	}
	if !strings.Contains(found.Text, "were equal to the one before") {
		t.Errorf("text %q, want that times were equal", found.Text)
	}
	for range 20 { // too few spans without repairs
		if _, over := w.Add(RepairCounts{}); over {
			t.Fatal("the warning was cleared too early")
		}
	}
	w.Add(once)
	for i := 1; ; i++ {
		if _, over := w.Add(RepairCounts{}); over {
			if i != cleanSpans {
				t.Errorf("the warning was cleared after %d spans, want %d", i, cleanSpans)
			}
			break
		}
		if i > cleanSpans {
			t.Fatal("the warning was not cleared")
		}
	}
	if _, over := w.Add(RepairCounts{}); over {
		t.Error("the warning was cleared twice")
	}
}

func TestRepairWatch_DoesNotWarnOfHarmlessRepairs(t *testing.T) {
	var w RepairWatch
	var counts RepairCounts
	counts[RepairReordered], counts[RepairJoined], counts[RepairRestarted] = 1, 1, 1
	for range 20 {
		if found, _ := w.Add(counts); found != nil {
			t.Fatalf("warned %q, want no warning", found.Text)
		}
	}
}
