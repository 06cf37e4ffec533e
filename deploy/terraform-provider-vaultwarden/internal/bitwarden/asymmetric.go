package bitwarden

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // OAEP's hash in this protocol; nothing rests on its resistance to collisions
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// KeyPair is what a server keeps of an RSA key: the public half, and the private one encrypted.
type KeyPair struct {
	PublicKey           string `json:"publicKey"`
	EncryptedPrivateKey string `json:"encryptedPrivateKey"`
}

// NewKeyPair makes an RSA key of 2048 bits whose private half only the holder of a symmetric key can read.
func NewKeyPair(key SymmetricKey) (KeyPair, *rsa.PrivateKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return KeyPair{}, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return KeyPair{}, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return KeyPair{}, nil, err
	}
	return KeyPair{base64.StdEncoding.EncodeToString(public), key.Encrypt(encoded)}, private, nil
}

// DecryptPrivateKey reads the private half of a KeyPair.
func DecryptPrivateKey(key SymmetricKey, text string) (*rsa.PrivateKey, error) {
	content, err := key.Decrypt(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(content)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is not an RSA key")
	}
	return private, nil
}

// SealKey gives a string of type 4: a symmetric key for the holder of a private key, by RSA-OAEP with SHA-1.
func SealKey(public *rsa.PublicKey, key SymmetricKey) (string, error) {
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key.Bytes(), nil)
	return "4." + base64.StdEncoding.EncodeToString(sealed), err
}

// OpenKey reads a string of type 4.
func OpenKey(private *rsa.PrivateKey, text string) (SymmetricKey, error) {
	kind, rest, found := strings.Cut(text, ".")
	if !found || kind != "4" {
		return SymmetricKey{}, fmt.Errorf("a key is not of type 4 (RSA-OAEP) but starts with %.3q", text)
	}
	rest, _, _ = strings.Cut(rest, "|") // old clients added a MAC that nobody checks
	sealed, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return SymmetricKey{}, fmt.Errorf("a key: %w", err)
	}
	content, err := rsa.DecryptOAEP(sha1.New(), nil, private, sealed, nil)
	if err != nil {
		return SymmetricKey{}, fmt.Errorf("a key is not for this account: %w", err)
	}
	return ParseSymmetricKey(content)
}
