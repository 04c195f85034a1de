package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/verify"
)

var some = verify.Findings{
	{Check: "certificate", Severity: verify.Blocker, What: "the certificate is PENDING_VALIDATION", Where: "arn:1", Why: "a load balancer takes issued ones only", Fix: "make the record"},
	{Check: "database", Severity: verify.Warning, What: "the database is stopped", Where: "prooflink-dev-db", Fix: "dagger call verify --env dev --start-db"},
	{Check: "lock", Severity: verify.OK, What: "nobody has the lock"},
	{Check: "hosted zone", Severity: verify.Skipped, What: "dns.zoneId is empty: the record is made elsewhere"},
}

func TestTextIsForAPerson(t *testing.T) {
	const want = `blocker  certificate: the certificate is PENDING_VALIDATION (arn:1)
         why: a load balancer takes issued ones only
         fix: make the record
warning  database: the database is stopped (prooflink-dev-db)
         fix: dagger call verify --env dev --start-db
ok       lock: nobody has the lock
skipped  hosted zone: dns.zoneId is empty: the record is made elsewhere
1 blocker, 1 warning, 1 ok, 1 skipped
`
	if diff := cmp.Diff(want, some.Text()); diff != "" {
		t.Error(diff)
	}
}

func TestJSONIsForAProgram(t *testing.T) {
	const want = `[
  {
    "check": "lock",
    "severity": "ok",
    "what": "nobody has the lock"
  }
]
`
	if diff := cmp.Diff(want, some.Of(verify.OK).JSON()); diff != "" {
		t.Error(diff)
	}
	if got := (verify.Findings)(nil).JSON(); got != "[]\n" {
		t.Errorf("nothing is %s", got)
	}
}
