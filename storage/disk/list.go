package disk

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"golive/storage"
)

// List walks the directories that can hold the prefix, one at a time: what it
// holds in memory is the names of one path of directories.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		l := lister{bucket: b, canceled: ctx.Err, prefix: prefix, yield: yield}
		// Nothing above the prefix's own directory needs to be read.
		dir := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			dir = prefix[:i]
			if storage.CheckKey(dir) != nil {
				return // no key begins like that
			}
		}
		err := l.walk(dir)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil || errors.Is(err, errStop) {
			return
		}
		if err = wrap(storage.OpList, prefix, err); !errors.Is(err, storage.ErrNotExist) {
			yield(storage.Info{}, err)
		}
	}
}

// errStop ends a walk whose caller wants no more.
var errStop = errors.New("list stopped")

type lister struct {
	bucket   *Bucket
	canceled func() error
	prefix   string
	yield    func(storage.Info, error) bool
}

// walk yields the objects under dir in the order of keys.
func (l *lister) walk(dir string) error {
	entries, err := l.entries(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := l.canceled(); err != nil {
			return err
		}
		key := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && l.mayHold(key+"/"):
			// A directory that went away meanwhile holds nothing.
			if err := l.walk(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case e.Type().IsRegular() && strings.HasPrefix(key, l.prefix) && storage.CheckKey(key) == nil:
			if err := l.file(key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lister) file(key string) error {
	info, err := l.bucket.root().Lstat(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since the directory was read
	}
	if err != nil {
		return err
	}
	if !l.yield(storage.Info{Key: key, Size: info.Size()}, nil) {
		return errStop
	}
	return nil
}

// mayHold reports whether keys under dir, which ends in a slash, can have the prefix.
func (l *lister) mayHold(dir string) bool {
	return !strings.HasPrefix(path.Base(dir), ".") &&
		(strings.HasPrefix(dir, l.prefix) || strings.HasPrefix(l.prefix, dir))
}

// entries returns the entries of dir in the order of their keys: a directory sorts as its
// name with a slash, so that "a-1" comes before "a/b".
func (l *lister) entries(dir string) ([]fs.DirEntry, error) {
	f, err := l.bucket.root().Open(dir)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	sortName := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	return entries, nil
}
