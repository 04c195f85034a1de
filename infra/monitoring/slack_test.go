package monitoring_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/config"
)

// slack sends critical alerts to Slack.
func slack(env *config.Environment) { env.Monitoring.SlackWebhookSecret = "prooflink/slack" }

func TestSlackIsOptional(t *testing.T) {
	if list := synth(t, "prod").Of("AWS::Lambda::Function"); len(list) > 0 {
		t.Errorf("%d functions", len(list))
	}
}

func TestA184SlackHearsTheCriticalTopic(t *testing.T) {
	template := synth(t, "prod", slack)
	topic := arn("sns") + "prooflink-prod-critical-alerts"
	function := template.One(t, "AWS::Lambda::Function")
	for what, pair := range map[string][2]string{
		"the topic":         {template.One(t, "AWS::SNS::Subscription").Text("TopicArn"), topic},
		"the protocol":      {template.One(t, "AWS::SNS::Subscription").Text("Protocol"), "lambda"},
		"who may call":      {template.One(t, "AWS::Lambda::Permission").Text("Principal"), "sns.amazonaws.com"},
		"for which topic":   {template.One(t, "AWS::Lambda::Permission").Text("SourceArn"), topic},
		"the runtime":       {function.Text("Runtime"), "nodejs24.x"},
		"the secret's name": {function.Text("Environment", "Variables", "WEBHOOK_SECRET"), "prooflink/slack"},
		"the log group":     {template.One(t, "AWS::Logs::LogGroup").Text("LogGroupName"), "/aws/lambda/prooflink-prod-slack"},
		"its retention":     {template.One(t, "AWS::Logs::LogGroup").Text("RetentionInDays"), "30"},
		"the role":          {template.One(t, "AWS::IAM::Role").Text("RoleName"), "prooflink-prod-slack-role"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", what, pair[0], pair[1])
		}
	}
	if code := function.Text("Code", "ZipFile"); len(code) > 4096 {
		t.Errorf("the code has %d bytes, 4096 are allowed inline", len(code))
	}
}

func TestTheSlackFunctionMayReadItsSecretAndWriteItsLogOnly(t *testing.T) {
	role := synth(t, "prod", slack).One(t, "AWS::IAM::Role")
	want := "[{Action:secretsmanager:GetSecretValue Effect:Allow Resource:" + arn("secretsmanager") +
		"secret:prooflink/slack-?????? Sid:ReadWebhook} {Action:[logs:CreateLogStream logs:PutLogEvents] Effect:Allow Resource:${SlackLogs.Arn} Sid:WriteLog}]"
	if got := role.Text("Policies", 0, "PolicyDocument", "Statement"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if role.At("ManagedPolicyArns") != nil || role.At("Policies", 1) != nil {
		t.Error("the role has more policies")
	}
}

// sdk is AWS's SDK as far as the function uses it.
const sdk = `
exports.GetSecretValueCommand = class { constructor(input) { this.input = input; } };
exports.SecretsManagerClient = class {
  async send({ input }) {
    if (input.SecretId !== 'prooflink/slack') throw new Error('no secret ' + input.SecretId);
    return { SecretString: process.env.TEST_URL + '\n' };
  }
};`

// driver calls the function as Lambda does.
const driver = `
require('./index.js').handler(JSON.parse(process.argv[2]))
  .catch((error) => { console.error(error.message); process.exit(1); });`

// send runs the function on one message of the topic; it returns what it wrote
// to its log and whether it succeeded.
func send(t *testing.T, url, subject, message string) (string, bool) {
	t.Helper()
	code := synth(t, "prod", slack).One(t, "AWS::Lambda::Function").Text("Code", "ZipFile")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.js": code, "driver.js": driver, "node_modules/@aws-sdk/client-secrets-manager/index.js": sdk,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"Sns": map[string]any{"Subject": subject, "Message": message}}}})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "driver.js", string(event))
	node.Dir, node.Env = dir, append(os.Environ(), "WEBHOOK_SECRET=prooflink/slack", "TEST_URL="+url)
	out, err := node.CombinedOutput()
	return string(out), err == nil
}

func TestSlackShowsWhatHappened(t *testing.T) {
	cases := map[string]struct{ subject, message, want string }{
		"an alarm, with what to do": {
			"ALARM: x",
			`{"AlarmName":"prooflink-prod-ecs-cpu-high","AlarmDescription":"Raise app.cpu.","NewStateValue":"ALARM","NewStateReason":"85 > 80 & more"}`,
			":red_circle: *ALARM: prooflink-prod-ecs-cpu-high*\n85 &gt; 80 &amp; more\nRaise app.cpu.",
		},
		"its end, with nothing to do": {
			"OK: x",
			`{"AlarmName":"prooflink-prod-ecs-cpu-high","AlarmDescription":"Raise app.cpu.","NewStateValue":"OK","NewStateReason":"40 is less"}`,
			":large_green_circle: *OK: prooflink-prod-ecs-cpu-high*\n40 is less",
		},
		"an event's text, without its quotes": {"", `"prooflink-prod: A task could not start"`, "prooflink-prod: A task could not start"},
		"what is no JSON":                     {"Test", "hello <!channel>", "Test\nhello &lt;!channel&gt;"},
		"what is JSON of something else":      {"", `{"a":1}`, `{"a":1}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var body struct{ Text string }
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s with %s: %v", r.Method, r.Header.Get("Content-Type"), err)
				}
				got = body.Text
			}))
			defer server.Close()
			if out, ok := send(t, server.URL, c.subject, c.message); !ok {
				t.Fatalf("the function fails: %s", out)
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestARefusalOfSlackIsAFailure(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "invalid_token")
	}))
	defer server.Close()
	if out, ok := send(t, server.URL+"/secret-path", "", "hello"); ok || !strings.Contains(out, "Slack answered 403: invalid_token") || strings.Contains(out, "secret-path") {
		t.Errorf("succeeded: %v, log: %s", ok, out)
	}
}

func TestASecretWithoutAURLIsNotShown(t *testing.T) {
	out, ok := send(t, "not-a-url-but-secret", "", "hello")
	if ok || !strings.Contains(out, "secret prooflink/slack has no URL") || strings.Contains(out, "not-a-url-but-secret") {
		t.Errorf("succeeded: %v, log: %s", ok, out)
	}
}
