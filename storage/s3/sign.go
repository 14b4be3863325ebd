package s3

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// unsignedHeaders are the headers that a signature leaves out. Signature Version 4 asks
// for none of them, and what stands between golive and the store may change them:
// Google's front end appends to Accept-Encoding before the signature is verified.
func unsignedHeaders() []string {
	return []string{"Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"}
}

// signer signs requests without unsignedHeaders, which are sent all the same.
type signer struct{ s3.HTTPSignerV4 }

func newSigner() signer {
	// S3 is the one service whose paths are not escaped twice.
	return signer{v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
}

// SignHTTP implements s3.HTTPSignerV4.
func (s signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time, opts ...func(*v4.SignerOptions)) error {
	left := make(http.Header)
	for _, name := range unsignedHeaders() {
		if values, ok := r.Header[name]; ok {
			left[name] = values
			delete(r.Header, name)
		}
	}
	err := s.HTTPSignerV4.SignHTTP(ctx, c, r, payloadHash, service, region, at, opts...)
	maps.Copy(r.Header, left)
	return err
}
