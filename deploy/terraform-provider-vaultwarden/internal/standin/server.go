// Package standin is a server that speaks as much of Vaultwarden's protocol as tests need, for one account.
//
// It has no key and knows no cryptography. What should be encrypted and is not, it refuses; an answer about what is not
// there is 400 with words, as Vaultwarden's.
package standin

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Account is what a server keeps of a user: nothing that opens a key.
type Account struct {
	Email, PasswordHash                  string
	KDF, Iterations, Memory, Parallelism int
	Key, PublicKey, PrivateKey           string
}

type object = map[string]any

const userID = "8f0a4c5e-6f0b-4a53-9c1c-5d1f2f6d7a01"

// Server is the state of the stand-in.
type Server struct {
	*httptest.Server
	mutex         sync.Mutex
	account       Account
	tokens        map[string]bool
	logins        int
	organizations map[string]object
	collections   map[string]object
	items         map[string]object
}

// Start serves an account over TLS.
func Start(account Account) *Server {
	s := &Server{
		account: account, tokens: map[string]bool{},
		organizations: map[string]object{}, collections: map[string]object{}, items: map[string]object{},
	}
	mux := http.NewServeMux()
	s.identity(mux)
	s.vault(mux)
	s.Server = httptest.NewTLSServer(mux)
	return s
}

// Forget ends every session.
func (s *Server) Forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tokens = map[string]bool{}
}

// Logins is how often somebody logged in.
func (s *Server) Logins() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.logins
}

// Item changes the stored items, as another client would.
func (s *Server) Items(change func(items map[string]map[string]any)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s.items)
}

// Collections changes the stored collections.
func (s *Server) Collections(change func(collections map[string]map[string]any)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s.collections)
}

// Organizations changes the stored organizations.
func (s *Server) Organizations(change func(organizations map[string]map[string]any)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s.organizations)
}

// refusal is an error for the client, with a status.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func bad(format string, values ...any) error { return refusal{400, fmt.Sprintf(format, values...)} }

// answer writes a result or a refusal.
func answer(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := 500
		if refused, ok := err.(refusal); ok {
			status = refused.status
		}
		w.WriteHeader(status)
		result = object{"message": err.Error(), "validationErrors": object{"": []string{err.Error()}}, "object": "error"}
	}
	_ = json.NewEncoder(w).Encode(result)
}

// authorized is a handler for whoever has a session.
func (s *Server) authorized(handle func(r *http.Request, body object) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if !s.tokens[r.Header.Get("Authorization")] {
			answer(w, nil, refusal{401, "Invalid claim"})
			return
		}
		body := object{}
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				answer(w, nil, bad("no JSON: %v", err))
				return
			}
		}
		result, err := handle(r, body)
		answer(w, result, err)
	}
}

func (s *Server) identity(mux *http.ServeMux) {
	prelogin := func(w http.ResponseWriter, _ *http.Request) {
		a := s.account
		answer(w, object{
			"kdf": a.KDF, "kdfIterations": a.Iterations, "kdfMemory": a.Memory, "kdfParallelism": a.Parallelism, "salt": a.Email,
			"kdfSettings": object{"kdfType": a.KDF, "iterations": a.Iterations, "memory": a.Memory, "parallelism": a.Parallelism},
		}, nil)
	}
	mux.HandleFunc("POST /identity/accounts/prelogin", prelogin)
	mux.HandleFunc("POST /identity/accounts/prelogin/password", prelogin)
	mux.HandleFunc("POST /identity/connect/token", s.token)
	mux.HandleFunc("GET /api/config", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, object{
			"version": "2026.6.0", "gitHash": "", "server": object{"name": "Vaultwarden", "url": ""}, "settings": object{"disableUserRegistration": true},
			"environment":   object{"vault": s.URL, "api": s.URL + "/api", "identity": s.URL + "/identity", "notifications": s.URL + "/notifications", "sso": ""},
			"featureStates": object{}, "object": "config",
		}, nil)
	})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	grant := r.FormValue("grant_type")
	for _, field := range []string{"client_id", "deviceType", "deviceIdentifier", "deviceName"} {
		if r.FormValue(field) == "" && (grant != "refresh_token" || field == "client_id") {
			answer(w, nil, bad("%s cannot be blank", field))
			return
		}
	}
	switch {
	case grant == "refresh_token" && s.tokens[r.FormValue("refresh_token")]:
	case grant == "client_credentials" && r.FormValue("client_secret") == "the API key" && r.FormValue("scope") == "api":
	case grant == "password" && r.FormValue("username") == s.account.Email && r.FormValue("password") == s.account.PasswordHash:
	default:
		answer(w, nil, bad("Username or password is incorrect. Try again"))
		return
	}
	s.logins++
	claims, _ := json.Marshal(object{
		"sub": userID, "email": s.account.Email, "name": "", "premium": true, "email_verified": true, "iss": s.URL,
		"exp": time.Now().Add(time.Hour).Unix(), "nonce": rand.Text(), "amr": []string{"Application"},
	})
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(claims) + "." + encode([]byte("signature"))
	refresh := rand.Text()
	s.tokens["Bearer "+token], s.tokens[refresh] = true, true
	a := s.account
	answer(w, object{
		"access_token": token, "refresh_token": refresh, "expires_in": 3600, "token_type": "Bearer", "scope": "api offline_access",
		"Key": a.Key, "PrivateKey": a.PrivateKey, "Kdf": a.KDF, "KdfIterations": a.Iterations, "KdfMemory": a.Memory, "KdfParallelism": a.Parallelism,
		"AccountKeys": s.accountKeys(), "UserDecryptionOptions": s.unlocking("HasMasterPassword", "MasterPasswordUnlock"),
	}, nil)
}

func (s *Server) accountKeys() object {
	pair := object{"publicKey": s.account.PublicKey, "wrappedPrivateKey": s.account.PrivateKey, "Object": "publicKeyEncryptionKeyPair"}
	return object{"publicKeyEncryptionKeyPair": pair, "Object": "privateKeys"}
}

func (s *Server) unlocking(has, unlock string) object {
	a := s.account
	kdf := object{"KdfType": a.KDF, "Iterations": a.Iterations, "Memory": a.Memory, "Parallelism": a.Parallelism}
	return object{has: true, unlock: object{"Kdf": kdf, "MasterKeyEncryptedUserKey": a.Key, "MasterKeyWrappedUserKey": a.Key, "Salt": a.Email}}
}

var encrypted = regexp.MustCompile(`^2\.[A-Za-z0-9+/]+=*\|[A-Za-z0-9+/]+=*\|[A-Za-z0-9+/]+=*$`)

// secret refuses a text that a server should not be able to read.
func secret(what string, value any) error {
	if text, given := value.(string); value != nil && (!given || !encrypted.MatchString(text)) {
		return bad("%s is not encrypted", what)
	}
	return nil
}

func sorted(objects map[string]object) []object {
	list := []object{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		list = append(list, objects[id])
	}
	return list
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }
