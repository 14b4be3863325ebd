package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"golive/storage"
)

// Bucket keeps objects in a bucket of an S3-compatible store.
type Bucket struct {
	cfg     storage.S3Config
	profile profile
	http    *httpClient
	keys    *rotatingCredentials
	client  *s3.Client
	// probeKey begins the keys of a Probe's objects: each Probe replaces what one before
	// could not delete.
	probeKey string
}

// New returns the bucket that cfg, which is valid, names. It does not talk to the store;
// Probe does. Close releases it.
func New(ctx context.Context, cfg storage.S3Config) (*Bucket, error) {
	roots, err := loadRoots(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	keys, err := newCredentials(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b := &Bucket{
		cfg: cfg, profile: profileOf(cfg), http: newHTTPClient(roots), keys: keys,
		probeKey: cfg.Prefix + "/golive-probe-" + rand.Text(),
	}
	b.client = s3.New(options(cfg, b.profile, b.http, keys))
	return b, nil
}

// Close closes the idle connections.
func (b *Bucket) Close() error {
	b.http.transport.CloseIdleConnections()
	return nil
}

// Put uploads the object in one request, from the slabs as they are. Volatile makes
// no difference: what the store acknowledges is durable.
func (b *Bucket) Put(ctx context.Context, o storage.Object) error {
	if err := storage.CheckCall(ctx, o.Key); err != nil {
		return b.wrap(ctx, storage.OpPut, o.Key, err)
	}
	size := o.Size()
	out, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket:          &b.cfg.Bucket,
		Key:             &o.Key,
		Body:            newBody(o.Slabs, size),
		ContentLength:   &size,
		ContentType:     unlessEmpty(o.ContentType),
		CacheControl:    unlessEmpty(b.cacheControl(o)),
		ContentEncoding: unlessEmpty(o.ContentEncoding),
		ACL:             types.ObjectCannedACL(b.cfg.ACL),
	})
	if err == nil && aws.ToString(out.ETag) == "" {
		// A web server may answer 200 to anything; S3 always gives an ETag.
		err = fmt.Errorf("%w: it took the upload, and gave no ETag", errNotS3)
	}
	if err != nil {
		return b.wrap(ctx, storage.OpPut, o.Key, err)
	}
	return nil
}

// newBody reads an object's slabs in order without joining them. It can go back to the
// beginning: the SDK reads it to sign it, and again for each attempt. It keeps its own outer
// slice: the connection may still read after Put has returned an error.
func newBody(slabs [][]byte, size int64) *io.SectionReader {
	return io.NewSectionReader(joined(slices.Clone(slabs)), 0, size)
}

// joined reads slabs as one.
type joined [][]byte

// ReadAt implements io.ReaderAt.
func (j joined) ReadAt(p []byte, offset int64) (n int, err error) {
	for _, slab := range j {
		if size := int64(len(slab)); offset >= size {
			offset -= size
			continue
		}
		n += copy(p[n:], slab[offset:])
		if n == len(p) {
			return n, nil
		}
		offset = 0
	}
	return n, io.EOF
}

// cacheControl returns the object's Cache-Control, with the directive that keeps the store
// from unpacking a compressed object for clients that can unpack it themselves.
func (b *Bucket) cacheControl(o storage.Object) string {
	switch {
	case !b.profile.transcodes || o.ContentEncoding == "":
		return o.CacheControl
	case o.CacheControl == "":
		return noTransform
	}
	return o.CacheControl + ", " + noTransform
}

const noTransform = "no-transform"

// PutInterval returns the least time between two puts of one key.
func (b *Bucket) PutInterval() time.Duration { return b.profile.putInterval }

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Get requests the object or the range. The Body is that of the HTTP response.
func (b *Bucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	r, err := b.get(ctx, key, offset, length)
	if err != nil {
		return nil, b.wrap(ctx, storage.OpGet, key, err)
	}
	return r, nil
}

func (b *Bucket) get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	if err := storage.CheckCall(ctx, key); err != nil {
		return nil, err
	}
	if _, err := storage.CheckRange(offset, length, 1<<63-1); err != nil {
		return nil, err
	}
	if length == 0 {
		return b.getEmpty(ctx, key, offset, length)
	}
	in := &s3.GetObjectInput{Bucket: &b.cfg.Bucket, Key: &key}
	if offset > 0 || length > 0 {
		in.Range = aws.String(rangeHeader(offset, length))
	}
	out, err := b.client.GetObject(ctx, in)
	if isOutsideRange(err) {
		// The answer means that nothing of the range exists; it need not have the size.
		return b.getEmpty(ctx, key, offset, length)
	}
	if err != nil {
		return nil, err
	}
	r, err := reader(key, out, offset, length)
	if err != nil {
		_ = out.Body.Close() // the first error is the cause
		return nil, err
	}
	return r, nil
}

// reader makes a Reader of the response to a request for the range.
func reader(key string, out *s3.GetObjectOutput, offset, length int64) (*storage.Reader, error) {
	if out.ContentLength == nil {
		return nil, fmt.Errorf("%w: its answer has no length", errNotS3)
	}
	size, skip := *out.ContentLength, offset // a store may ignore Range
	if out.ContentRange != nil {
		_, total, _ := strings.Cut(*out.ContentRange, "/")
		n, err := strconv.ParseInt(total, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: its Content-Range is %q", errNotS3, *out.ContentRange)
		}
		size, skip = n, 0
	}
	n, err := storage.CheckRange(offset, length, size)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, out.Body, skip); err != nil {
		return nil, err
	}
	return &storage.Reader{
		Info:  storage.Info{Key: key, Size: size},
		Body:  io.LimitReader(out.Body, n),
		Close: out.Body.Close,
	}, nil
}

// getEmpty returns a Reader for a range without bytes: HTTP has no such range, but it may
// lie inside the object.
func (b *Bucket) getEmpty(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.cfg.Bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	size := aws.ToInt64(out.ContentLength)
	n, err := storage.CheckRange(offset, length, size)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: it refuses a range inside the object", errNotS3)
	}
	if err != nil {
		return nil, err
	}
	return &storage.Reader{
		Info:  storage.Info{Key: key, Size: size},
		Body:  strings.NewReader(""),
		Close: func() error { return nil },
	}, nil
}

func rangeHeader(offset, length int64) string {
	if length == -1 {
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// Delete removes the object, and its older versions where the profile says so. No
// store reports whether there was one.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	err := storage.CheckCall(ctx, key)
	switch {
	case err != nil:
	case b.profile.versions:
		err = b.deleteVersions(ctx, key)
	default:
		_, err = b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: &key})
	}
	if err != nil && !isNoSuchKey(err) {
		return b.wrap(ctx, storage.OpDelete, key, err)
	}
	return nil
}

// deleteVersions removes every version of the object, and the marks of its earlier
// deletions.
func (b *Bucket) deleteVersions(ctx context.Context, key string) error {
	versions, err := b.versionsOf(ctx, key)
	if err != nil {
		return err
	}
	for _, version := range versions {
		_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: &key, VersionId: &version})
		if err != nil {
			return err
		}
	}
	return nil
}

// versionsOf lists the ids of the object's versions. In a bucket without versions
// the one there is has the id "null".
func (b *Bucket) versionsOf(ctx context.Context, key string) ([]string, error) {
	var ids []string
	pages := s3.NewListObjectVersionsPaginator(b.client, &s3.ListObjectVersionsInput{Bucket: &b.cfg.Bucket, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		beyond := false // keys come in order, and longer ones begin with this one
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == key {
				ids = append(ids, aws.ToString(v.VersionId))
			} else {
				beyond = true
			}
		}
		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == key {
				ids = append(ids, aws.ToString(m.VersionId))
			}
		}
		if beyond {
			break
		}
	}
	return ids, nil
}

// List requests a thousand objects at a time.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(storage.Info{}, b.wrap(ctx, storage.OpList, prefix, err))
			return
		}
		pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.cfg.Bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(storage.Info{}, b.wrap(ctx, storage.OpList, prefix, err))
				return
			}
			for _, o := range page.Contents {
				if storage.CheckKey(aws.ToString(o.Key)) != nil {
					continue // none of ours: consoles make folders as "name/"
				}
				if !yield(storage.Info{Key: *o.Key, Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}
