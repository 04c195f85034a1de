package ecrlogin_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/prooflink/prooflink/.dagger/ecrlogin"
)

// fakeAWS answers STS (query protocol) and ECR (JSON protocol).
func fakeAWS(t *testing.T, token string) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q}]}`, token)
			return
		}
		fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region:       "ap-northeast-1",
		BaseEndpoint: &server.URL,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "dummy", ""),
	}
}

func TestLoginReturnsTheAccountsRegistry(t *testing.T) {
	token := base64.StdEncoding.EncodeToString([]byte("AWS:pass:word"))
	got, err := ecrlogin.Login(t.Context(), fakeAWS(t, token), "111122223333")
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com" || got.User != "AWS" || got.Password != "pass:word" {
		t.Errorf("login = %+v", got)
	}
}

func TestLoginRefusesAnotherAccount(t *testing.T) {
	_, err := ecrlogin.Login(t.Context(), fakeAWS(t, ""), "999999999999")
	if err == nil || !strings.Contains(err.Error(), "999999999999") || !strings.Contains(err.Error(), "111122223333") {
		t.Errorf("err = %v, want both accounts named", err)
	}
}

func TestLoginRefusesATokenThatIsNone(t *testing.T) {
	for _, token := range []string{"%%%", base64.StdEncoding.EncodeToString([]byte("nocolon"))} {
		if _, err := ecrlogin.Login(t.Context(), fakeAWS(t, token), ""); err == nil {
			t.Errorf("token %q: want an error", token)
		}
	}
}
