package logrouter

import (
	"os"
	"strings"
	"testing"
)

func TestTheRealConfigurationBecomesATestConfiguration(t *testing.T) {
	config, err := os.ReadFile("../../fluentbit/prooflink.conf")
	if err != nil {
		t.Fatal(err)
	}
	test, err := TestConfig(string(config), "aws", 4566)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"endpoint https://aws:4566", "endpoint aws\n", "Name dummy", "upload_timeout  10m"} {
		if !strings.Contains(test, want) {
			t.Errorf("the test configuration lacks %q", want)
		}
	}
}

func TestAConfigurationWithoutItsOutputsIsRefused(t *testing.T) {
	if _, err := TestConfig("[OUTPUT]\n    Name s3\n", "aws", 4566); err == nil {
		t.Fatal("want an error")
	}
}

func TestCompareNamesWhatIsWrong(t *testing.T) {
	right := "an error record\nan error on the error stream\nError: Cannot find module\n"
	all := "an info record\na line of no JSON\n" + right
	if err := compare(all, right); err != nil {
		t.Errorf("right: %v", err)
	}
	wrong := map[string][2]string{
		"a record that is lost":                       {"an info record\n" + right, right},
		"an error that isn't routed":                  {all, "an error record\nError: Cannot find module\n"},
		"a program's last words that are not routed":  {all, "an error record\nan error on the error stream\n"},
		"too much that is routed":                     {all, all},
		"an error that is routed once for every rule": {all, right + right},
	}
	for name, got := range wrong {
		if compare(got[0], got[1]) == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}
