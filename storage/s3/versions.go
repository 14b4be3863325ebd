package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

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
