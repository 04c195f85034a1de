package awsfake

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Config reaches the server through connections in memory, one for each call:
// nothing of it can get to a network, and no goroutine outlives a call, so that
// it works in a [testing/synctest] bubble. Users of S3 set UsePathStyle.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:           "ap-northeast-1",
		Credentials:      credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "nothing", ""),
		BaseEndpoint:     aws.String("http://aws.invalid"),
		RetryMaxAttempts: 8,
		HTTPClient:       &http.Client{Transport: whole{&http.Transport{DialContext: s.dial, DisableKeepAlives: true}}},
	}
}

// whole sends requests whose bodies it has read before: over a pipe the answer
// can come before the transport's last look at the body, which the SDK has
// closed by then.
type whole struct{ http.RoundTripper }

// RoundTrip sends a copy of the request.
func (t whole) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return t.RoundTripper.RoundTrip(r)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	return t.RoundTripper.RoundTrip(sent)
}

// dial connects to the server and serves that one connection.
func (s *Server) dial(context.Context, string, string) (net.Conn, error) {
	if s.killed() {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	listener := &single{connection: server}
	serving := &http.Server{Handler: s}
	go func() { _ = serving.Serve(listener) }()
	return client, nil
}

// single is a listener that has one connection to give.
type single struct {
	connection net.Conn
	once       sync.Once
}

// Accept gives the connection the first time and then ends the server, which
// doesn't end the connections it already has.
func (l *single) Accept() (connection net.Conn, err error) {
	err = io.EOF
	l.once.Do(func() { connection, err = l.connection, nil })
	return connection, err
}

// Close leaves the connection to the one who serves it.
func (*single) Close() error { return nil }

// Addr is the pipe's.
func (l *single) Addr() net.Addr { return l.connection.LocalAddr() }
