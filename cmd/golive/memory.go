package main

import (
	"bufio"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// machineMemory holds the memory limits of the process, in bytes; 0 means not known.
type machineMemory struct {
	group int64 // of its control group (a container, MemoryMax= of systemd)
	total int64 // of the machine
}

// available returns the smaller of the known limits.
func (m machineMemory) available() int64 {
	least := int64(math.MaxInt64)
	for _, n := range []int64{m.group, m.total} {
		if n > 0 {
			least = min(least, n)
		}
	}
	return least
}

// memoryLimit reads the limits from Linux's proc and cgroup file systems below root; on other
// systems they are not known.
func memoryLimit(root fs.FS) machineMemory {
	return machineMemory{group: groupMemory(root), total: totalMemory(root)}
}

// totalMemory returns the machine's memory in bytes; 0 if it is not known.
func totalMemory(root fs.FS) int64 {
	f, err := root.Open("proc/meminfo")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) >= 2 && fields[0] == "MemTotal:" {
			return parseBytes(fields[1]) << 10 // kB
		}
	}
	return 0
}

// groupMemory returns the least limit of the process's control group and its ancestors, of
// version 2 or 1. In a container the path may be that of the host: groups that do not exist
// are ignored.
func groupMemory(root fs.FS) (least int64) {
	f, err := root.Open("proc/self/cgroup")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.SplitN(s.Text(), ":", 3) // id, controllers, path
		if len(fields) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if fields[1] != "" {
			if !strings.Contains(","+fields[1]+",", ",memory,") {
				continue
			}
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			if n := readBytes(root, path.Join(mount, group, file)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

func readBytes(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	return parseBytes(strings.TrimSpace(string(text)))
}

// parseBytes parses a limit. It returns 0 for no limit: "max", and in version 1 a very large
// number.
func parseBytes(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n >= 1<<60 {
		return 0
	}
	return n
}
