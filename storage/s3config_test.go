package storage

import (
	"strings"
	"testing"
	"time"

	"golive/internal/setting"
)

func TestS3Config_ValidateReportsEachProblem(t *testing.T) {
	tests := map[string]struct {
		change func(*S3Config)
		want   string // of one problem; empty for none
	}{
		"a bucket on AWS is enough":  {func(*S3Config) {}, ""},
		"no bucket":                  {func(c *S3Config) { c.Bucket = "" }, `s3.bucket: must be the name of a bucket, not ""`},
		"a bucket with a path":       {func(c *S3Config) { c.Bucket = "b/live" }, "write its name alone"},
		"no region":                  {func(c *S3Config) { c.Region = "" }, "s3.region: must name a region"},
		"an unknown provider":        {func(c *S3Config) { c.Provider = "s4" }, "aws, gcs, minio, r2, b2, ceph or custom"},
		"Google needs no endpoint":   {func(c *S3Config) { c.Provider = "gcs" }, ""},
		"versions at Google":         {func(c *S3Config) { c.Provider, c.Delete = "gcs", "versions" }, "s3.delete: cannot be versions for provider gcs"},
		"a put each minute":          {func(c *S3Config) { c.PutInterval = PutInterval(time.Minute) }, "s3.put_interval: must be auto, or from 0s to 10s"},
		"R2 without its endpoint":    {func(c *S3Config) { c.Provider = "r2" }, "https://ACCOUNT.r2.cloudflarestorage.com"},
		"MinIO without its endpoint": {func(c *S3Config) { c.Provider = "minio" }, "s3.endpoint: must be set for provider minio"},
		"an endpoint without scheme": {func(c *S3Config) { c.Endpoint = "s3.example.com" }, "is not a URL"},
		"an endpoint of FTP":         {func(c *S3Config) { c.Endpoint = "ftp://s3.example.com" }, "is not a URL"},
		"credentials in the URL":     {func(c *S3Config) { c.Endpoint = "https://a:b@s3.example.com" }, "credentials go to access_key"},
		"the bucket in the URL":      {func(c *S3Config) { c.Endpoint = "https://s3.example.com/clips" }, "must not hold the bucket"},
		"an empty prefix":            {func(c *S3Config) { c.Prefix = "" }, "s3.prefix"},
		"a prefix with a slash":      {func(c *S3Config) { c.Prefix = "live/" }, "s3.prefix"},
		"half a key pair":            {func(c *S3Config) { c.AccessKey = setting.NewSecret("AKIA") }, "s3.secret_key: is not set"},
		"the other half":             {func(c *S3Config) { c.SecretKey = setting.NewSecret("hush") }, "s3.access_key: is not set"},
		"an unknown checksum mode":   {func(c *S3Config) { c.Checksum = "md5" }, "auto, when_required or when_supported"},
		"an unknown deletion":        {func(c *S3Config) { c.Delete = "batch" }, "auto, object or versions"},
		"B2 in another region": {func(c *S3Config) {
			c.Provider, c.Endpoint = "b2", "https://s3.eu-central-003.backblazeb2.com"
		}, "write eu-central-003"},
		"B2 in its region": {func(c *S3Config) {
			c.Provider, c.Endpoint, c.Region = "b2", "https://s3.eu-central-003.backblazeb2.com", "eu-central-003"
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Config{Sync: SyncInterval, Backend: "s3", S3: DefaultS3Config()}
			c.S3.Bucket = "clips"
			test.change(&c.S3)
			err := c.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("error is %v, want no problem", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error is %v, want %q", err, test.want)
			case err != nil && len(err.(interface{ Unwrap() []error }).Unwrap()) != 1:
				t.Errorf("more than one problem: %v", err)
			}
		})
	}
}

func TestS3Config_IsNotValidatedForAnotherBackend(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestSwitch_AcceptsTrueFalseAndAuto(t *testing.T) {
	for _, word := range []string{"true", "false", "auto"} {
		var s Switch
		if err := s.UnmarshalText([]byte(word)); err != nil {
			t.Errorf("%s: %v", word, err)
		}
		if text, err := s.MarshalText(); err != nil || string(text) != word {
			t.Errorf("%s is written as %q, error %v", word, text, err)
		}
	}
	var s Switch
	if err := s.UnmarshalText([]byte("yes")); err == nil {
		t.Error(`"yes" is accepted`)
	}
}

func TestPutInterval_AcceptsAutoOrADuration(t *testing.T) {
	for _, word := range []string{"auto", "0s", "1s", "1.5s"} {
		var i PutInterval
		if err := i.UnmarshalText([]byte(word)); err != nil {
			t.Errorf("%s: %v", word, err)
		}
		if text, err := i.MarshalText(); err != nil || string(text) != word {
			t.Errorf("%s is written as %q, error %v", word, text, err)
		}
	}
	for _, word := range []string{"", "-1s", "one", "1"} {
		var i PutInterval
		if err := i.UnmarshalText([]byte(word)); err == nil {
			t.Errorf("%q is accepted", word)
		}
	}
}
