package bitwarden

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// SymmetricKey encrypts with its first half and authenticates with its second.
type SymmetricKey struct {
	enc, mac [32]byte
}

// NewSymmetricKey makes a random key.
func NewSymmetricKey() SymmetricKey {
	var key SymmetricKey
	rand.Read(key.enc[:]) // never fails
	rand.Read(key.mac[:])
	return key
}

// ParseSymmetricKey reads a key of 64 bytes.
func ParseSymmetricKey(content []byte) (SymmetricKey, error) {
	var key SymmetricKey
	if len(content) != 64 {
		return key, fmt.Errorf("a key has %d bytes and not 64", len(content))
	}
	copy(key.enc[:], content)
	copy(key.mac[:], content[32:])
	return key, nil
}

// Bytes is the key as ParseSymmetricKey reads it.
func (k SymmetricKey) Bytes() []byte {
	return append(bytes.Clone(k.enc[:]), k.mac[:]...)
}

// Encrypt gives a string of type 2: AES-256-CBC, and HMAC-SHA256 over vector and cipher text.
func (k SymmetricKey) Encrypt(plain []byte) string {
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	vector := make([]byte, aes.BlockSize)
	rand.Read(vector)
	block, _ := aes.NewCipher(k.enc[:]) // fails for wrong lengths only
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(padded, padded)
	encode := base64.StdEncoding.EncodeToString
	return "2." + encode(vector) + "|" + encode(padded) + "|" + encode(k.authenticate(vector, padded))
}

// Decrypt reads a string of type 2; it fails if anything was changed or another key made it.
func (k SymmetricKey) Decrypt(text string) ([]byte, error) {
	kind, rest, found := strings.Cut(text, ".")
	if !found || kind != "2" {
		return nil, fmt.Errorf("an encrypted text is not of type 2 (AES-CBC with HMAC) but starts with %.3q", text)
	}
	parts := strings.Split(rest, "|")
	if len(parts) != 3 {
		return nil, errors.New("an encrypted text has not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.StdEncoding.DecodeString(part); err != nil {
			return nil, fmt.Errorf("an encrypted text: %w", err)
		}
	}
	vector, content, mac := decoded[0], decoded[1], decoded[2]
	if !hmac.Equal(mac, k.authenticate(vector, content)) {
		return nil, errors.New("an encrypted text was changed, or another key made it")
	}
	if len(vector) != aes.BlockSize || len(content) == 0 || len(content)%aes.BlockSize != 0 {
		return nil, errors.New("an encrypted text has a wrong length")
	}
	block, _ := aes.NewCipher(k.enc[:])
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(content, content)
	padding := int(content[len(content)-1])
	if padding < 1 || padding > aes.BlockSize || !bytes.HasSuffix(content, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, errors.New("an encrypted text has a wrong padding")
	}
	return content[:len(content)-padding], nil
}

func (k SymmetricKey) authenticate(vector, content []byte) []byte {
	mac := hmac.New(sha256.New, k.mac[:])
	mac.Write(vector)
	mac.Write(content)
	return mac.Sum(nil)
}
