package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"golive/storage"
)

var (
	errNotS3         = errors.New("the server does not speak S3")
	errNoCredentials = errors.New("there are no credentials")
)

// wrap describes an error of the SDK, with a hint for the operator.
func (b *Bucket) wrap(ctx context.Context, op, key string, err error) error {
	e := &storage.Error{Op: op, Key: key, Err: err}
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
	case errors.Is(err, storage.ErrKey), errors.Is(err, storage.ErrRange), errors.Is(err, storage.ErrNotExist):
	case errors.Is(err, errNoCredentials):
		e.Hint = "set storage.s3.access_key and storage.s3.secret_key, or give golive's environment AWS credentials"
	case errors.Is(err, errNotS3):
		e.Hint = notS3Hint
	default:
		if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && resp.HTTPStatusCode() != 0 {
			e.RetryAfter = retryAfter(resp)
			b.explainAnswer(e, newRefusal(resp))
		} else {
			b.explainConnection(e, err)
		}
	}
	return e
}

const notS3Hint = "storage.s3.endpoint must be the URL of the S3 API, not of a web console or a web site"

// refusal is an error response of the store.
type refusal struct {
	status        int
	code, message string
	region        string // where the bucket is, if the store says so
	isHTML        bool
	err           error
}

func newRefusal(resp *smithyhttp.ResponseError) *refusal {
	header := resp.HTTPResponse().Header
	r := &refusal{
		status: resp.HTTPStatusCode(),
		region: header.Get("X-Amz-Bucket-Region"),
		isHTML: strings.HasPrefix(header.Get("Content-Type"), "text/html"),
		err:    resp,
	}
	if api, ok := errors.AsType[smithy.APIError](resp.Err); ok {
		r.code, r.message = api.ErrorCode(), api.ErrorMessage()
	}
	if _, after, ok := strings.Cut(r.message, "expecting "); ok && r.region == "" {
		r.region = strings.Trim(after, `'". `)
	}
	return r
}

// Error returns the status, the store's code and its message. It returns no more of the
// answer: some stores repeat the signature and the key's id in it.
func (r *refusal) Error() string {
	s := fmt.Sprintf("the store answered %d %s", r.status, http.StatusText(r.status))
	if r.isHTML {
		return s + " in HTML"
	}
	if r.code != "" && r.code != "UnknownError" {
		s += ", " + r.code
	}
	if r.message != "" && r.message != "UnknownError" {
		s += ": " + strings.TrimSuffix(r.message, ".")
	}
	return s
}

// Unwrap returns the SDK's error.
func (r *refusal) Unwrap() error { return r.err }

// isNotExist reports whether the object is missing. HEAD's answer has no code; the SDK
// makes one of the status. Other codes at 404 mean a bucket, or a user.
func (r *refusal) isNotExist() bool {
	return r.code == "NoSuchKey" || r.code == "NotFound"
}

// explainAnswer sets the cause and the hint for a refusal. One that the operator can
// correct while golive keeps trying is not permanent.
func (b *Bucket) explainAnswer(e *storage.Error, r *refusal) {
	e.Err = r
	if e.Op == storage.OpGet && r.isNotExist() {
		e.Err = storage.ErrNotExist
		return
	}
	if r.isHTML && r.status < 500 {
		e.Hint = notS3Hint
		return
	}
	if e.Hint, e.Permanent = b.hintOfCode(e.Op, r); e.Hint == "" {
		e.Hint = b.hintOfStatus(r)
	}
}

// hintOfCode returns the hint for S3's error code.
func (b *Bucket) hintOfCode(op string, r *refusal) (hint string, permanent bool) {
	switch r.code {
	case "InvalidAccessKeyId", "XAdminUserNotFound", "InvalidToken", "ExpiredToken", "TokenRefreshRequired":
		return "the store does not know this key, or no longer: check storage.s3.access_key, and that it is of this provider and endpoint", false
	case "SignatureDoesNotMatch":
		return "check storage.s3.secret_key: it is not the one of storage.s3.access_key", false
	case "AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "InvalidPayer":
		if b.cfg.ACL != "" && op == storage.OpPut {
			return fmt.Sprintf("the key of storage.s3.access_key may not put, or not with storage.s3.acl %q: allow it, or leave the ACL out", b.cfg.ACL), false
		}
		return fmt.Sprintf("allow the key of storage.s3.access_key to %s in bucket %q (%s)", op, b.cfg.Bucket, permission(op)), false
	case "NoSuchBucket":
		return fmt.Sprintf("create bucket %q, or correct storage.s3.bucket, storage.s3.endpoint or storage.s3.region", b.cfg.Bucket), false
	case "InvalidBucketName":
		return "correct storage.s3.bucket, or set storage.s3.path_style: true", false
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "BucketRegionError":
		return b.regionHint(r.region), false
	case "RequestTimeTooSkewed", "RequestExpired":
		return "this machine's clock and the store's differ: set it, and keep it right with NTP", false
	case "AccessControlListNotSupported":
		return aclHint, false
	case "SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "TooManyRequests", "Throttling":
		return overloadHint, false
	case "QuotaExceeded", "XMinioStorageFull", "StorageFull", "InsufficientStorage", "TotalStorageExceeded":
		return "the bucket or the store is full: free space, or shorten retention", false
	case "NotImplemented", "InvalidArgument", "InvalidRequest", "XAmzContentChecksumMismatch", "MalformedTrailerError", "UnsupportedHeader":
		return b.featureHint(r), false
	case "EntityTooLarge", "KeyTooLongError", "InvalidDigest", "BadDigest", "MetadataTooLarge", "MaxMessageLengthExceeded":
		return "", r.code != "BadDigest" // a damaged upload is sent again
	case "InvalidObjectState", "ObjectLocked", "MethodNotAllowed":
		if op == storage.OpDelete || op == storage.OpPut {
			return "the bucket forbids it: look for an object lock or a retention rule", false
		}
	}
	return "", false
}

// hintOfStatus returns the hint for the status of a store, or a proxy before it, that gives
// no code.
func (b *Bucket) hintOfStatus(r *refusal) string {
	switch {
	case r.status == http.StatusMovedPermanently:
		return b.regionHint(r.region)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return "check storage.s3.access_key and storage.s3.secret_key, and what they may do in the bucket"
	case r.status == http.StatusNotFound:
		return "check storage.s3.bucket, storage.s3.endpoint and storage.s3.path_style"
	case r.status == http.StatusMethodNotAllowed:
		return notS3Hint
	case r.status == http.StatusTooManyRequests:
		return overloadHint
	case r.status >= 500 && r.isHTML:
		return "a proxy before the store answered: the store may be down"
	case r.status >= 500:
		return "the store is in trouble: see its status page or log"
	}
	return ""
}

const overloadHint = "the store is overloaded, or limits the rate of requests: of storage.s3.bucket, of the account, or of puts to one key (storage.s3.put_interval)"

const aclHint = "the bucket takes no ACL: set storage.s3.acl: \"\", and make objects readable by a bucket policy"

// featureHint returns the hint for a store that refuses a header that it does not know.
func (b *Bucket) featureHint(r *refusal) string {
	said := strings.ToLower(r.message)
	switch {
	case strings.Contains(said, "acl"):
		return aclHint
	case b.profile.alwaysChecksum:
		return "the store may not know checksums: set storage.s3.checksum: when_required"
	case strings.Contains(said, "checksum"), strings.Contains(said, "content-md5"):
		return "set storage.s3.checksum: when_supported"
	case b.cfg.ACL != "":
		return aclHint
	}
	return "check storage.s3.provider"
}

func (b *Bucket) regionHint(region string) string {
	if region != "" && region != b.cfg.Region {
		return fmt.Sprintf("the bucket is in another region: set storage.s3.region: %s", region)
	}
	if b.profile.endpoint != "" {
		return "storage.s3.region or storage.s3.endpoint is not the bucket's"
	}
	return "storage.s3.region is not the bucket's"
}

// permission returns AWS's name of the permission that an operation needs.
func permission(op string) string {
	switch op {
	case storage.OpGet:
		return "s3:GetObject; without s3:ListBucket AWS also says so of objects that do not exist"
	case storage.OpDelete:
		return "s3:DeleteObject, and s3:DeleteObjectVersion and s3:ListBucketVersions for storage.s3.delete: versions"
	case storage.OpList:
		return "s3:ListBucket"
	}
	return "s3:PutObject"
}

// explainConnection sets the cause and the hint for a request without an answer.
func (b *Bucket) explainConnection(e *storage.Error, err error) {
	e.Err = err
	if u, ok := errors.AsType[*url.Error](err); ok {
		e.Err = u.Err // its URL and the SDK's own words say nothing more
	} else if s, ok := errors.AsType[*stalledError](err); ok {
		e.Err = s
	}
	var (
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		dns      *net.DNSError
		timeout  interface{ Timeout() bool }
		protocol *smithy.DeserializationError
	)
	switch {
	case errors.As(err, &unknown):
		e.Hint = "nobody this machine trusts signed the endpoint's certificate: set storage.s3.ca_file, or correct storage.s3.endpoint"
	case errors.As(err, &host):
		e.Hint = "the certificate is for another host: correct storage.s3.endpoint, or set storage.s3.path_style: true if the bucket's name is what does not match"
	case errors.As(err, &invalid):
		e.Hint = "renew the endpoint's certificate, or set this machine's clock"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		e.Hint = "the endpoint speaks no TLS: write http:// in storage.s3.endpoint"
	case errors.As(err, &dns):
		e.Hint = b.dnsHint(dns)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Hint = "nothing listens there: check the host and port of storage.s3.endpoint, and that the store runs"
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Hint = "the store or the way to it is slow or dead: check storage.s3.endpoint, the firewall and the store"
	case errors.As(err, &protocol), strings.Contains(err.Error(), "malformed HTTP"):
		e.Hint = notS3Hint
	}
}

func (b *Bucket) dnsHint(dns *net.DNSError) string {
	switch {
	case !dns.IsNotFound:
		return "this machine's name server does not answer"
	case b.profile.endpoint == "":
		return "there is no such host: check storage.s3.region"
	case !b.profile.pathStyle && strings.HasPrefix(dns.Name, b.cfg.Bucket+"."):
		return "the store knows no bucket in its host name: set storage.s3.path_style: true, or correct storage.s3.endpoint"
	}
	return "there is no such host: check storage.s3.endpoint"
}
