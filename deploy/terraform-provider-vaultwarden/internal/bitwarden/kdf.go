// Package bitwarden is the client-side cryptography of Bitwarden's protocol: what turns a master password into keys, and
// the strings that hold what those keys encrypt. Servers see neither keys nor plain text.
//
// Source: Bitwarden's security whitepaper, and its clients' published behaviour.
package bitwarden

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The numbers that the protocol gives to the two functions.
const (
	PBKDF2   = 0
	Argon2id = 1
)

// KDF says how an account's master key is made from its password. The server tells it before anybody logs in.
type KDF struct {
	Type        int
	Iterations  int
	Memory      int // MiB, of Argon2id
	Parallelism int // of Argon2id
}

// check refuses what would make the password easy to guess, or this process run out of memory: the server is not trusted
// with either. The limits are those of Bitwarden's clients.
func (k KDF) check() error {
	switch {
	case k.Type == PBKDF2 && (k.Iterations < 5_000 || k.Iterations > 2_000_000):
		return fmt.Errorf("the server asks for PBKDF2 with %d iterations, which is not between 5000 and 2000000", k.Iterations)
	case k.Type == Argon2id && (k.Iterations < 2 || k.Iterations > 10 || k.Memory < 15 || k.Memory > 1024 || k.Parallelism < 1 || k.Parallelism > 16):
		return fmt.Errorf("the server asks for Argon2id with %d iterations, %d MiB, %d threads, which is out of bounds", k.Iterations, k.Memory, k.Parallelism)
	case k.Type != PBKDF2 && k.Type != Argon2id:
		return fmt.Errorf("the server asks for the key derivation %d, which is neither PBKDF2 (0) nor Argon2id (1)", k.Type)
	}
	return nil
}

// MasterKey derives an account's master key of 32 bytes.
func (k KDF) MasterKey(password, email string) ([]byte, error) {
	if password == "" {
		return nil, errors.New("the master password is empty")
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	salt := []byte(strings.ToLower(strings.TrimSpace(email)))
	if k.Type == PBKDF2 {
		return pbkdf2.Key(sha256.New, password, salt, k.Iterations, 32)
	}
	digest := sha256.Sum256(salt) // Argon2 wants a salt of a certain length
	return argon2.IDKey([]byte(password), digest[:], uint32(k.Iterations), uint32(k.Memory)*1024, uint8(k.Parallelism), 32), nil
}

// PasswordHash is what proves the password to the server without telling it.
func PasswordHash(masterKey []byte, password string) (string, error) {
	hash, err := pbkdf2.Key(sha256.New, string(masterKey), []byte(password), 1, 32)
	return base64.StdEncoding.EncodeToString(hash), err
}

// Stretch makes the key that encrypts the account's own key from the master key.
func Stretch(masterKey []byte) (SymmetricKey, error) {
	enc, err := hkdf.Expand(sha256.New, masterKey, "enc", 32)
	if err != nil {
		return SymmetricKey{}, err
	}
	mac, err := hkdf.Expand(sha256.New, masterKey, "mac", 32)
	if err != nil {
		return SymmetricKey{}, err
	}
	return ParseSymmetricKey(append(enc, mac...))
}
