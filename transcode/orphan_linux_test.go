package transcode

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/internal/childprocess"
)

// orphanProgram is the variable that is set in the process that
// TestJob_LeavesNoChildWhenTheProcessIsKilled kills: the program that replaces ffmpeg.
const orphanProgram = "GOLIVE_TEST_ORPHAN"

func TestJob_LeavesNoChildWhenTheProcessIsKilled(t *testing.T) {
	if program := os.Getenv(orphanProgram); program != "" {
		runUntilKilled(t, program)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	// The program ignores the end of its input, at which ffmpeg would exit. A killed process does
	// not remove its temporary files: this one does.
	cmd.Env = append(os.Environ(), orphanProgram+"="+script(t, "exec sleep 1000"), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !isAlive(pid) {
		t.Fatal("the child is not alive before its parent is killed")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(30 * time.Second)
	for isAlive(pid) {
		select {
		case <-ticker.C:
		case <-timeout:
			_ = childprocess.KillGroup(pid)
			t.Fatal("the child is alive after its parent was killed")
		}
	}
}

// runUntilKilled runs a job, and writes the process id of its child.
func runUntilKilled(t *testing.T, program string) {
	t.Helper()
	b := start(t, ladderOf(Rung{Name: "low", Height: 90, VideoBitrate: 80_000, AudioBitrate: 96_000}))
	b.node.cfg.FFmpeg = program
	b.node.timeouts.start = time.Hour
	b.write(clip(t, "1")...)
	fmt.Println(b.pid(t)) //nolint:forbidigo // to the parent
	<-b.done
}

// isAlive reports whether a process exists and is not a zombie.
func isAlive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
