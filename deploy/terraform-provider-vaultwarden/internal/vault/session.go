package vault

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"flow-proxy/terraform-provider-vaultwarden/internal/bitwarden"
)

const deviceType = "25" // the command line on Linux

// session is what a login gives: a token for the server, and the account's keys, which the server cannot read.
type session struct {
	token        string
	passwordHash string
	user         bitwarden.SymmetricKey
	private      *rsa.PrivateKey
}

// login gives the current session; a new one if there is none, or if it still is the one that the server refused.
func (c *Client) login(ctx context.Context, refused *session) (*session, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.session != nil && c.session != refused {
		return c.session, nil
	}
	fresh, err := c.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in to %s as %s: %w", c.endpoint, c.settings.Email, err)
	}
	c.session = fresh
	return fresh, nil
}

func (c *Client) open(ctx context.Context) (*session, error) {
	var derivation struct {
		KDF         int `json:"kdf"`
		Iterations  int `json:"kdfIterations"`
		Memory      int `json:"kdfMemory"`
		Parallelism int `json:"kdfParallelism"`
	}
	body, _ := json.Marshal(map[string]string{"email": c.settings.Email})
	prelogin, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String()+"/identity/accounts/prelogin", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	prelogin.Header.Set("Content-Type", "application/json")
	if err := c.send(prelogin, &derivation); err != nil {
		return nil, err
	}
	kdf := bitwarden.KDF{Type: derivation.KDF, Iterations: derivation.Iterations, Memory: derivation.Memory, Parallelism: derivation.Parallelism}
	master, err := kdf.MasterKey(c.settings.Password, c.settings.Email)
	if err != nil {
		return nil, err
	}
	hash, err := bitwarden.PasswordHash(master, c.settings.Password)
	if err != nil {
		return nil, err
	}
	var token struct {
		AccessToken string `json:"access_token"`
		Key         string `json:"Key"`
		PrivateKey  string `json:"PrivateKey"`
	}
	if err := c.send(c.tokenRequest(ctx, hash), &token); err != nil {
		return nil, explain(err)
	}
	stretched, err := bitwarden.Stretch(master)
	if err != nil {
		return nil, err
	}
	userKey, err := stretched.Decrypt(token.Key)
	if err != nil {
		return nil, fmt.Errorf("the account's key: %w", err)
	}
	user, err := bitwarden.ParseSymmetricKey(userKey)
	if err != nil {
		return nil, err
	}
	private, err := bitwarden.DecryptPrivateKey(user, token.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("the account's private key: %w", err)
	}
	return &session{token.AccessToken, hash, user, private}, nil
}

func (c *Client) tokenRequest(ctx context.Context, hash string) *http.Request {
	form := url.Values{
		"deviceType": {deviceType}, "deviceIdentifier": {c.deviceID()}, "deviceName": {"terraform-provider-vaultwarden"},
	}
	if c.settings.ClientID != "" {
		form.Set("grant_type", "client_credentials")
		form.Set("scope", "api")
		form.Set("client_id", c.settings.ClientID)
		form.Set("client_secret", c.settings.ClientSecret)
	} else {
		form.Set("grant_type", "password")
		form.Set("scope", "api offline_access")
		form.Set("client_id", "cli")
		form.Set("username", c.settings.Email)
		form.Set("password", hash)
	}
	// The URL was parsed before, and the method is a constant: it cannot fail.
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String()+"/identity/connect/token", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

// explain adds what helps to the answer of a server that wants a second step.
func explain(err error) error {
	var status *StatusError
	if errors.As(err, &status) && strings.Contains(strings.ToLower(status.Message), "two factor") {
		return fmt.Errorf("%w (the account has two-step login: give its API key, client_id and client_secret)", err)
	}
	return err
}
