package bitwarden

import (
	"encoding/base64"
	"strings"
	"testing"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestTheSameAccountGivesTheSameKeys(t *testing.T) {
	for _, kdf := range []KDF{{Type: PBKDF2, Iterations: 5000}, {Type: Argon2id, Iterations: 2, Memory: 16, Parallelism: 2}} {
		one, two := must(kdf.MasterKey("password", "Me@Example.org ")), must(kdf.MasterKey("password", "me@example.org"))
		if string(one) != string(two) {
			t.Errorf("%+v: an e-mail address in capitals is another account", kdf)
		}
		if other := must(kdf.MasterKey("passwords", "me@example.org")); string(one) == string(other) {
			t.Errorf("%+v: another password gives the same key", kdf)
		}
	}
}

func TestWeakOrMonstrousDerivationsAreRefused(t *testing.T) {
	for _, kdf := range []KDF{
		{Type: PBKDF2, Iterations: 1}, {Type: PBKDF2, Iterations: 2_000_001}, {Type: 2, Iterations: 600_000},
		{Type: Argon2id, Iterations: 1, Memory: 64, Parallelism: 4}, {Type: Argon2id, Iterations: 3, Memory: 1_000_000, Parallelism: 4},
		{Type: Argon2id, Iterations: 3, Memory: 64},
	} {
		if _, err := kdf.MasterKey("password", "me@example.org"); err == nil {
			t.Errorf("%+v is accepted", kdf)
		}
	}
	if _, err := (KDF{Iterations: 600_000}).MasterKey("", "me@example.org"); err == nil {
		t.Error("an empty password is accepted")
	}
}

func TestTextsComeBack(t *testing.T) {
	key := NewSymmetricKey()
	for _, plain := range []string{"", "a", strings.Repeat("ä", 8), strings.Repeat("x", 1000)} {
		if back := must(key.Decrypt(key.Encrypt([]byte(plain)))); string(back) != plain {
			t.Errorf("%q came back as %q", plain, back)
		}
	}
	if key.Encrypt([]byte("same")) == key.Encrypt([]byte("same")) {
		t.Error("two encryptions of one text are equal")
	}
}

func TestWhatWasChangedIsRefused(t *testing.T) {
	key := NewSymmetricKey()
	good := key.Encrypt([]byte("secret"))
	parts := strings.Split(strings.TrimPrefix(good, "2."), "|")
	flipped := must(base64.StdEncoding.DecodeString(parts[1]))
	flipped[0] ^= 1
	for _, bad := range []string{
		"", "secret", "2.", "2." + parts[0] + "|" + parts[1], "0." + parts[0] + "|" + parts[1], "2.%|%|%",
		"2." + parts[0] + "|" + base64.StdEncoding.EncodeToString(flipped) + "|" + parts[2],
		"2." + parts[0] + "||" + parts[2],
	} {
		if _, err := key.Decrypt(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := NewSymmetricKey().Decrypt(good); err == nil {
		t.Error("another key opens it")
	}
}

func TestKeysAreSealedForOneAccount(t *testing.T) {
	account, organization := NewSymmetricKey(), NewSymmetricKey()
	pair, private, err := NewKeyPair(account)
	if err != nil {
		t.Fatal(err)
	}
	sealed := must(SealKey(&private.PublicKey, organization))
	if opened := must(OpenKey(must(DecryptPrivateKey(account, pair.EncryptedPrivateKey)), sealed)); opened != organization {
		t.Error("another key came out")
	}
	_, stranger, _ := NewKeyPair(account)
	for _, bad := range []string{"", "4.", "2." + sealed[2:], "4.%"} {
		if _, err := OpenKey(private, bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := OpenKey(stranger, sealed); err == nil {
		t.Error("a stranger opens it")
	}
	if _, err := DecryptPrivateKey(organization, pair.EncryptedPrivateKey); err == nil {
		t.Error("a stranger's key opens the private key")
	}
}
