package report_test

import (
	"strings"
	"testing"

	"github.com/prooflink/prooflink/.dagger/report"
)

func TestCredentialsAreMasked(t *testing.T) {
	tests := map[string][2]string{
		"a password in a URL":                  {"connect postgresql://user:hunter2@db:5432/x?sslmode=require", "connect postgresql://user:***@db:5432/x?sslmode=require"},
		"a password with an at sign":           {"postgres://user:p@ss/w@db/x", "postgres://user:***@db/x"},
		"a variable":                           {"DB_PASSWORD=hunter2 DB_HOST=db", "DB_PASSWORD=*** DB_HOST=db"},
		"a quoted variable":                    {`password="hunter 2" host=db`, `password=*** host=db`},
		"JSON":                                 {`{"password": "hunter2", "host": "db"}`, `{"password": ***, "host": "db"}`},
		"JSON in JSON":                         {`{"log":"{\"password\":\"hunter2\",\"host\":\"db\"}"}`, `{"log":"{\"password\":***,\"host\":\"db\"}"}`},
		"JSON with an escaped quote":           {`{"dbPassword":"hun\"ter2","host":"db"}`, `{"dbPassword":***,"host":"db"}`},
		"YAML":                                 {"password: hunter2", "password: ***"},
		"an access key":                        {"key AKIAIOSFODNN7EXAMPLE", "key AKIA***"},
		"a temporary access key":               {"key ASIAIOSFODNN7EXAMPLE", "key ASIA***"},
		"a secret access key":                  {"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=***"},
		"a session token":                      {"token is IQoJb3JpZ2luX2VjEJr//////////wEaCXVz", "token is ***"},
		"a signed URL":                         {"GET /x?X-Amz-Credential=AKIA/2026&X-Amz-Signature=abcdef12&a=b", "GET /x?X-Amz-Credential=***&X-Amz-Signature=***&a=b"},
		"a header":                             {"Authorization: Bearer abcdef123456", "Authorization: Bearer ***"},
		"a web token":                          {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "got ***"},
		"a private key":                        {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "*** end"},
		"NextAuth's secret":                    {"NEXTAUTH_SECRET=abc123", "NEXTAUTH_SECRET=***"},
		"no secret: PostgreSQL's refusal":      {`password authentication failed for user "prooflink"`, `password authentication failed for user "prooflink"`},
		"no secret: a secret's ARN":            {"arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:prooflink-dev/app-secrets-AbCdEf", "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:prooflink-dev/app-secrets-AbCdEf"},
		"no secret: an image":                  {"x.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app@sha256:00", "x.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app@sha256:00"},
		"no secret: a missing variable's name": {"set DATABASE_URL, or set the missing DB_HOST, DB_PASSWORD", "set DATABASE_URL, or set the missing DB_HOST, DB_PASSWORD"},
	}
	for name, test := range tests {
		if got := report.Mask(test[0]); got != test[1] {
			t.Errorf("%s: %q, want %q", name, got, test[1])
		}
	}
}

// However a report is shown, and wherever a secret came in.
func TestNoFormOfAReportShowsASecret(t *testing.T) {
	const secret = "hunter2"
	leak := "postgresql://u:" + secret + "@db/x"
	failure := report.New(dev(t), report.Failure{
		Command: "run-task --env dev --env-var PASSWORD=" + secret, Step: leak, Outcome: report.Failed, Problem: leak, Running: leak,
		Evidence: report.Evidence{
			Tasks: []report.Task{task("1", "10:00:00", "", leak, report.Container{Name: "a", ExitCode: code(1), Reason: leak,
				Lines: []string{"fatal " + leak, "-----BEGIN PRIVATE KEY-----", secret, "-----END PRIVATE KEY-----"}})},
			Events: []report.Event{{At: at("10:00:00"), Source: report.FromECS, Text: leak}},
		},
	})
	for form, text := range map[string]string{"text": failure.Text(), "Markdown": failure.Markdown(), "JSON": failure.JSON()} {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the secret:\n%s", form, text)
		}
	}
}

func TestLogLinesDontCommandTheTerminal(t *testing.T) {
	failure := report.New(dev(t), report.Failure{Command: "x", Outcome: report.Failed, Evidence: report.Evidence{
		Tasks: []report.Task{task("1", "10:00:00", "", "", report.Container{Name: "a", ExitCode: code(1), Lines: []string{"\x1b[31mred\x1b[0m \x1b]0;title\x07\x9bevil\rover\b"}})}}})
	if text := failure.Text(); strings.ContainsAny(text, "\x1b\x07\r\b\u009b") || !strings.Contains(text, "red ") {
		t.Errorf("%q", text)
	}
}
