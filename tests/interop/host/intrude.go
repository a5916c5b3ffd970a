package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// intrude connects to a running plugin's socket without being its host: in plain text, without a certificate, and with
// one that is not the host's. It answers the status of a call each.
func intrude(ctx context.Context, h *host, line []byte) (any, error) {
	used, err := h.database(line, &struct{}{})
	if err != nil {
		return nil, err
	}
	stranger, err := strangersCertificate()
	if err != nil {
		return nil, err
	}
	// Whether the server's certificate is right is not the question here.
	unnamed := &tls.Config{InsecureSkipVerify: true}
	other := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{stranger}}
	attempts := map[string]credentials.TransportCredentials{
		"plain text":        insecure.NewCredentials(),
		"no certificate":    credentials.NewTLS(unnamed),
		"other certificate": credentials.NewTLS(other),
	}
	outcomes := map[string]string{}
	socket := used.process.client.ReattachConfig().Addr.String()
	for name, creds := range attempts {
		outcomes[name], err = health(ctx, socket, creds)
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func health(ctx context.Context, socket string, creds credentials.TransportCredentials) (string, error) {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(creds))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	return status.Code(err).String(), nil
}

func strangersCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"HashiCorp"}},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		IsCA:         true,

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
