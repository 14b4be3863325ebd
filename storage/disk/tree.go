package disk

import (
	"errors"
	"io/fs"
	"path"
)

// place renames the temporary file to key, whose directory is made if need be.
func (b *Bucket) place(temp, key string) error {
	b.tree.RLock()
	defer b.tree.RUnlock()
	err := b.root().Rename(temp, key)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.root().MkdirAll(path.Dir(key), dirMode); err != nil {
		return err
	}
	return b.root().Rename(temp, key)
}

// settle makes the directory entry of key durable, and those of the directories
// above it that are not known to be: after a rename the directory must be synced,
// or a crash can bring the old entry back.
func (b *Bucket) settle(key string) error {
	_, pruned := b.known(".")
	for dir := path.Dir(key); ; dir = path.Dir(dir) {
		if err := b.syncDir(dir); err != nil {
			// Deleted meanwhile, directory and all: there is nothing to keep.
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if durable, _ := b.known(dir); durable {
			break
		}
	}
	b.learn(path.Dir(key), pruned)
	return nil
}

func (b *Bucket) syncDir(dir string) error {
	f, err := b.root().Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(b.sync(f), f.Close())
}

// known says whether dir's own entry is durable, and how many directories were
// removed so far.
func (b *Bucket) known(dir string) (durable bool, pruned uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, durable = b.durable[dir]
	return durable, b.pruned
}

// learn notes that dir and all above it are durable, unless a directory was
// removed since: then dir may be another one, made in its place.
func (b *Bucket) learn(dir string, pruned uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pruned != pruned {
		return
	}
	for ; dir != "."; dir = path.Dir(dir) {
		b.durable[dir] = struct{}{}
	}
}

// prune removes the directories above key that are empty.
func (b *Bucket) prune(key string) {
	b.tree.Lock()
	defer b.tree.Unlock()
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		// rmdir(2) itself refuses a directory that is not empty.
		if err := b.root().Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
		b.mu.Lock()
		delete(b.durable, dir)
		b.pruned++
		b.mu.Unlock()
	}
}
