package config_test

import (
	"reflect"
	"testing"

	"github.com/prooflink/prooflink/infra/config"
)

func TestProdIsStillAnExample(t *testing.T) {
	want := []string{
		"alb.tls.certificateArn: arn:aws:acm:ap-northeast-1:111122223333:certificate/00000000-0000-0000-0000-000000000000",
		"dns.recordName: prooflink.example.com",
		"waf.allowedCidrs: 203.0.113.0/24",
		"waf.allowedCidrs: 198.51.100.10/32",
		"s3.corsOrigins: https://prooflink.example.com",
		"monitoring.emails.critical: admin@example.com",
		"monitoring.emails.warning: admin@example.com",
	}
	if got := load(t, "prod").Examples(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, name := range []string{"dev", "local"} {
		if got := load(t, name).Examples(); len(got) != 0 {
			t.Errorf("Examples() = %q in %s", got, name)
		}
	}
}

func TestExamplesAreWhatDocumentationUses(t *testing.T) {
	cases := map[string]bool{
		"111122223333": true, "123456789012": true, "222233334444": false, "": false,
		"example.com": true, "app.example.org": true, "me@example.net": true, "https://example.com": true,
		"myexample.com": false, "example.com.jp": false,
		"192.0.2.7/32": true, "198.51.100.0/24": true, "203.0.113.128/25": true, "203.0.112.0/23": false, "8.8.8.8/32": false,
	}
	for value, want := range cases {
		env := config.Environment{Project: value}
		if got := len(env.Examples()) == 1; got != want {
			t.Errorf("%q: got %t, want %t", value, got, want)
		}
	}
}

func TestExamplesHaveTheirKeys(t *testing.T) {
	env := config.Environment{Account: "111122223333", Naming: config.Naming{Tags: map[string]string{"Owner": "me@example.com"}}}
	if got, want := env.Examples(), []string{"account: 111122223333", "naming.tags.Owner: me@example.com"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
