package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"time"
)

// keys is how many key pairs all certificates share.
const keys = 16

// authority signs certificates for the hosts.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	leaves      [keys]*ecdsa.PrivateKey
	// The leaves' keys as a Secret has them.
	encoded [keys]string
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func newAuthority() *authority {
	a := &authority{key: newKey()}
	a.certificate = template(0, "many.test")
	a.certificate.IsCA, a.certificate.BasicConstraintsValid = true, true
	for i := range a.leaves {
		a.leaves[i] = newKey()
		a.encoded[i] = encode("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(a.leaves[i])))
	}
	return a
}

// issue makes the certificate of host n: it and its key, as a Secret has them.
func (a *authority) issue(n int) (string, string) {
	host := fmt.Sprintf("h%d.many.test", n)
	leaf := template(int64(n)+1, host)
	leaf.DNSNames = []string{host}
	der := must(x509.CreateCertificate(rand.Reader, leaf, a.certificate, &a.leaves[n%keys].PublicKey, a.key))
	return encode("CERTIFICATE", der), a.encoded[n%keys]
}

func template(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
}

func encode(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
