// Package vault speaks to a Vaultwarden server (or another that speaks Bitwarden's protocol) as one of its accounts.
package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ErrNotFound says that the server does not have, or does not show to this account, what was asked for.
var ErrNotFound = errors.New("not found")

// Settings are where the server is and who uses it.
type Settings struct {
	// Endpoint is the server's URL, as users of the web vault see it.
	Endpoint string
	// Email and Password are the account's; the password opens the keys and never leaves this process.
	Email, Password string
	// ClientID and ClientSecret are the account's API key. With them, two-step login is not asked for.
	ClientID, ClientSecret string
	// HTTP is the client to use; nil means one with a time limit of a minute.
	HTTP *http.Client
}

// Client is one account's view of a server. It logs in when it is first used, and again when the server forgot it.
type Client struct {
	settings Settings
	endpoint *url.URL
	mutex    sync.Mutex
	session  *session
}

// New checks the settings; it asks the server nothing.
func New(settings Settings) (*Client, error) {
	endpoint, err := url.Parse(strings.TrimRight(settings.Endpoint, "/"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" {
		return nil, fmt.Errorf("the endpoint %q is not a URL of a server, as in https://vault.example.org", settings.Endpoint)
	}
	if settings.Email == "" || settings.Password == "" {
		return nil, errors.New("email and password are needed")
	}
	if (settings.ClientID == "") != (settings.ClientSecret == "") {
		return nil, errors.New("client_id and client_secret are needed together")
	}
	if settings.HTTP == nil {
		settings.HTTP = &http.Client{Timeout: time.Minute}
	}
	return &Client{settings: settings, endpoint: endpoint}, nil
}

// StatusError is an answer that is no success.
type StatusError struct {
	Status  int
	Message string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answered %d: %s", e.Status, e.Message)
}

// api sends a request as the account, and reads the answer into out unless that is nil.
func (c *Client) api(ctx context.Context, method, path string, body, out any) error {
	current, err := c.login(ctx, nil)
	if err != nil {
		return err
	}
	err = c.authorized(ctx, current, method, path, body, out)
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusUnauthorized {
		// Once more: sessions end. A second refusal is an answer.
		if current, err = c.login(ctx, current); err != nil {
			return err
		}
		err = c.authorized(ctx, current, method, path, body, out)
	}
	return err
}

func (c *Client) authorized(ctx context.Context, current *session, method, path string, body, out any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint.String()+"/api"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+current.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.send(request, out)
}

// send does one exchange.
func (c *Client) send(request *http.Request, out any) error {
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Device-Type", deviceType)
	answer, err := c.settings.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 256<<20))
	if err != nil {
		return err
	}
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return ErrNotFound
	case answer.StatusCode/100 != 2:
		return &StatusError{answer.StatusCode, message(content)}
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("the answer to %s %s is not what it should be: %w", request.Method, request.URL.Path, err)
	}
	return nil
}

// message finds the words for a person in an error's body.
func message(content []byte) string {
	var parsed struct {
		Message     string              `json:"message"`
		Description string              `json:"error_description"`
		Validation  map[string][]string `json:"validationErrors"`
		Model       struct {
			Message string `json:"message"`
		} `json:"errorModel"`
	}
	if json.Unmarshal(content, &parsed) != nil {
		return strings.ToValidUTF8(string(content[:min(len(content), 200)]), "?")
	}
	for _, texts := range parsed.Validation {
		if len(texts) > 0 && texts[0] != "" {
			return texts[0]
		}
	}
	for _, text := range []string{parsed.Model.Message, parsed.Message, parsed.Description} {
		if text != "" {
			return text
		}
	}
	return string(content[:min(len(content), 200)])
}

// deviceID is the same in every run, so that the server does not tell the account of a new device each time.
func (c *Client) deviceID() string {
	sum := sha256.Sum256([]byte("terraform-provider-vaultwarden\n" + c.endpoint.String() + "\n" + strings.ToLower(c.settings.Email)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
