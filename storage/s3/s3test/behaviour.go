package s3test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// RewritesAcceptEncoding appends to Accept-Encoding before it passes the request on, as
// Google's front end does. Put Keys.Verify after it.
func RewritesAcceptEncoding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept-Encoding", r.Header.Get("Accept-Encoding")+",gzip(gfe)")
		next.ServeHTTP(w, r)
	})
}

// RefusesTrailers refuses uploads with a checksum after the body, as Google and older
// stores do.
func RefusesTrailers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Trailer") != "" || strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			Refuse(w, r, http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Transcodes unpacks what is stored with Content-Encoding gzip for clients that do not
// accept that, unless its Cache-Control is no-transform, as Google does. A test notices
// by the missing header: the bytes are not really unpacked.
func Transcodes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&transcoder{ResponseWriter: w, accepts: strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Method == http.MethodGet}, r)
	})
}

type transcoder struct {
	http.ResponseWriter
	accepts bool
}

// WriteHeader removes the headers that an unpacked object does not have.
func (t *transcoder) WriteHeader(status int) {
	h := t.Header()
	if h.Get("Content-Encoding") == "gzip" && !t.accepts && !strings.Contains(h.Get("Cache-Control"), "no-transform") {
		h.Del("Content-Encoding")
		h.Del("Content-Length")
	}
	t.ResponseWriter.WriteHeader(status)
}

// Keys are the key pairs that a store accepts: secrets by key id.
type Keys struct {
	mu    sync.Mutex
	valid map[string]string
	code  string
}

// NewKeys returns Keys with one pair.
func NewKeys(id, secret string) *Keys {
	return &Keys{valid: map[string]string{id: secret}, code: "InvalidAccessKeyId"}
}

// Replace makes the store accept only that pair from now on, and refuse any other with the
// error code.
func (k *Keys) Replace(id, secret, code string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.valid, k.code = map[string]string{id: secret}, code
}

// Verify is the Behaviour that checks each request's signature as S3 does, over its signed
// headers.
func (k *Keys) Verify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth := parseAuthorization(r.Header.Get("Authorization"))
		k.mu.Lock()
		secret, known := k.valid[auth.id]
		code := k.code
		k.mu.Unlock()
		switch {
		case !known:
			Refuse(w, r, http.StatusForbidden, code, "The key is not valid.")
		case !auth.matches(r, secret):
			Refuse(w, r, http.StatusForbidden, "SignatureDoesNotMatch", "The signature does not match.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// authorization is an Authorization header of Signature Version 4, parsed.
type authorization struct {
	text, id, region string
	signed           []string // names of headers
}

func parseAuthorization(text string) authorization {
	a := authorization{text: text}
	for field := range strings.SplitSeq(strings.TrimPrefix(text, "AWS4-HMAC-SHA256 "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			if scope := strings.Split(value, "/"); len(scope) == 5 {
				a.id, a.region = scope[0], scope[2]
			}
		case "SignedHeaders":
			a.signed = strings.Split(value, ";")
		}
	}
	return a
}

// matches signs the request again, as it was received, and compares.
func (a authorization) matches(r *http.Request, secret string) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return false
	}
	for _, name := range a.signed {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			name = http.CanonicalHeaderKey(name)
			again.Header[name] = r.Header[name]
		}
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: a.id, SecretAccessKey: secret, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	err = signer.SignHTTP(r.Context(), keys, again, r.Header.Get("X-Amz-Content-Sha256"), "s3", a.region, at)
	return err == nil && again.Header.Get("Authorization") == a.text
}

// PutLimit refuses a put of a key that comes within Interval of the one before, as R2
// and Google do.
type PutLimit struct {
	// Interval is a second at R2.
	Interval time.Duration
	// Refused counts the refused puts.
	Refused atomic.Int32

	mu   sync.Mutex
	last map[string]time.Time // by path
}

// Limit is the Behaviour.
func (l *PutLimit) Limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !l.take(r.URL.Path, time.Now()) {
			l.Refused.Add(1)
			Refuse(w, r, http.StatusTooManyRequests, "TooManyRequests", "Reduce your concurrent request rate for the same object.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (l *PutLimit) take(path string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = make(map[string]time.Time)
	}
	if last, ok := l.last[path]; ok && now.Sub(last) < l.Interval {
		return false
	}
	l.last[path] = now
	return true
}

// BadConnections answers every Nth request with Status, and all later ones on the
// same connection too, as B2 does: only a new connection helps.
type BadConnections struct {
	N      int32
	Status int
	// Hit counts the requests on a bad connection after its first failure.
	Hit atomic.Int32

	requests atomic.Int32
	bad      sync.Map // net.Conn
}

// Spoil is the Behaviour that makes connections bad.
func (b *BadConnections) Spoil(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := r.Context().Value(connKey{})
		_, bad := b.bad.Load(conn)
		switch {
		case bad:
			b.Hit.Add(1)
		case b.requests.Add(1)%b.N == 0:
			b.bad.Store(conn, true)
		default:
			next.ServeHTTP(w, r)
			return
		}
		Refuse(w, r, b.Status, "ServiceUnavailable", "no tomes available")
	})
}

// Throttle refuses the first N requests that Match with Status.
type Throttle struct {
	N      int32
	Status int
	// Match chooses the requests; nil is all.
	Match func(*http.Request) bool
	// RetryAfter is sent with each refusal, unless it is empty.
	RetryAfter string

	requests atomic.Int32
}

// Limit is the Behaviour.
func (t *Throttle) Limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (t.Match == nil || t.Match(r)) && t.requests.Add(1) <= t.N {
			if t.RetryAfter != "" {
				w.Header().Set("Retry-After", t.RetryAfter)
			}
			Refuse(w, r, t.Status, "SlowDown", "Please reduce your request rate.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsList reports whether the request lists objects.
func IsList(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Has("list-type")
}

// Silence makes a store read requests without answering them while On is set.
type Silence struct{ On atomic.Bool }

// Hold is the Behaviour that does not answer.
func (s *Silence) Hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.On.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // net/http notices that a client has left only after the body is read
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	})
}
