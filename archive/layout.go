package archive

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Layout makes the keys of a broadcast's objects. They are the same in a bucket and,
// as paths, on the local disk.
type Layout struct {
	// Prefix is the beginning of every key: "live".
	Prefix string
}

// Folder returns the folder of a broadcast's objects.
func (l Layout) Folder(broadcast string) string { return l.Prefix + "/" + broadcast }

// Media returns the key of a rendition's playlist or segment.
func (l Layout) Media(broadcast, rendition, name string) string {
	return l.Folder(broadcast) + "/" + rendition + "/" + name
}

// logPrefix begins the name of a log's folder.
const logPrefix = "log-"

// Log returns the folder of the log of the broadcast with that token.
func (l Layout) Log(broadcast, token string) string {
	return l.Folder(broadcast) + "/" + logPrefix + token
}

// Page returns the key of a page of a log.
func (l Layout) Page(m Meta, page int) string {
	return l.Log(m.Broadcast, m.Token) + "/" + pageName(page)
}

const pageSuffix = ".jsonl"

// pageName names a page so that names are in the order of numbers.
func pageName(page int) string { return fmt.Sprintf("%08d", page) + pageSuffix }

// pageNumber is the number of the page with that file name.
func pageNumber(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, pageSuffix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && pageName(n) == name
}

// cutLogPrefix returns the token in the name of a log's folder.
func cutLogPrefix(name string) (token string, ok bool) { return strings.CutPrefix(name, logPrefix) }

// folderOf returns the folder of a key.
func folderOf(key string) string { return path.Dir(key) }
