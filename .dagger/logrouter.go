package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/logrouter"
)

const (
	fluentBit       = "/fluent-bit/bin/fluent-bit"
	fluentBitConfig = "/fluent-bit/custom/prooflink.conf"
	// fluentBitErrorsConfig is the same without the archive.
	fluentBitErrorsConfig = "/fluent-bit/custom/errors-only.conf"
	testRegion            = "ap-northeast-1"
)

// Run the log router's image: it must archive every record and route just errors.
//
// +check
func (m *Prooflink) TestFluentBit(ctx context.Context) (failure error) {
	router := m.BuildFluentBit().
		WithEnvVariable("LOG_BUCKET_NAME", logrouter.Bucket).
		WithEnvVariable("ERROR_LOG_GROUP", logrouter.LogGroup).
		With(variables(local.Credentials(testRegion)))
	for _, config := range []string{fluentBitConfig, fluentBitErrorsConfig} {
		if _, err := router.WithExec([]string{fluentBit, "--dry-run", "-c", config}).Sync(ctx); err != nil {
			return explain(err)
		}
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	emulator, url, err := m.startTLSEmulator(ctx, run)
	if err != nil {
		return err
	}
	defer func() {
		_, err := emulator.Stop(context.WithoutCancel(ctx))
		failure = errors.Join(failure, err)
	}()
	objects, logs := testClients(url)
	if err := logrouter.Prepare(ctx, objects, logs, testRegion); err != nil {
		return err
	}
	output, err := routeRecords(ctx, router.WithServiceBinding(awsHost, emulator).WithEnvVariable("PROOFLINK_RUN", run))
	if err != nil {
		return err
	}
	if err := logrouter.Verify(ctx, objects, logs); err != nil {
		return fmt.Errorf("%w\nFluent Bit said:\n%s", err, output)
	}
	return nil
}

func (m *Prooflink) startTLSEmulator(ctx context.Context, run string) (*dagger.Service, string, error) {
	certificate, key, err := logrouter.Certificate(awsHost)
	if err != nil {
		return nil, "", err
	}
	service, err := m.ministack(run).
		WithNewFile("/tls/cert.pem", certificate).
		WithNewFile("/tls/key.pem", key).
		WithEnvVariable("USE_SSL", "1").
		WithEnvVariable("MINISTACK_SSL_CERT", "/tls/cert.pem").
		WithEnvVariable("MINISTACK_SSL_KEY", "/tls/key.pem").
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"ministack"}}).
		Start(ctx)
	if err != nil {
		return nil, "", explain(err)
	}
	url, err := service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: awsPort, Scheme: "https"})
	return service, url, err
}

// routeRecords lets the router run for five seconds; it uploads when it stops.
func routeRecords(ctx context.Context, router *dagger.Container) (string, error) {
	config, err := router.File(fluentBitConfig).Contents(ctx)
	if err != nil {
		return "", err
	}
	test, err := logrouter.TestConfig(config, awsHost, awsPort)
	if err != nil {
		return "", err
	}
	output, err := router.
		WithNewFile("/tmp/test.conf", test).
		WithExec([]string{"sh", "-c", "timeout --signal=TERM 5 " + fluentBit + " -c /tmp/test.conf 2>&1; test $? -eq 124"}).
		Stdout(ctx)
	return output, explain(err)
}

// testClients trust any certificate: they reach nothing but the emulator.
func testClients(url string) (*s3.Client, *cloudwatchlogs.Client) {
	config := aws.Config{
		Region:       testRegion,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider(local.Account, "emulated", ""),
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
	}
	return s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }), cloudwatchlogs.NewFromConfig(config)
}
