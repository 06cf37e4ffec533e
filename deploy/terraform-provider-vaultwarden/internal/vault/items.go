package vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"flow-proxy/terraform-provider-vaultwarden/internal/bitwarden"
)

const loginType = 1

// Login is an item with what a person signs in with, in plain text.
type Login struct {
	ID, OrganizationID string
	CollectionIDs      []string
	Name               string
	Username, Password *string
	URIs               []string
	Notes              *string
}

// Login finds an item by its id.
func (c *Client) Login(ctx context.Context, id string) (Login, error) {
	stored, err := c.item(ctx, id)
	if err != nil {
		return Login{}, err
	}
	return c.read(ctx, stored)
}

// CreateLogin makes an item; its collections are needed.
func (c *Client) CreateLogin(ctx context.Context, login Login) (Login, error) {
	organization, err := c.key(ctx, login.OrganizationID)
	if err != nil {
		return Login{}, err
	}
	item := document{"type": loginType, "organizationId": login.OrganizationID, "favorite": false, "reprompt": 0}
	write(organization, item, login)
	var made document
	body := document{"cipher": item, "collectionIds": login.CollectionIDs}
	if err := c.api(ctx, http.MethodPost, "/ciphers/create", body, &made); err != nil {
		return Login{}, fmt.Errorf("create the item %q: %w", login.Name, err)
	}
	login.ID = made.text("id")
	return login, nil
}

// UpdateLogin changes an item's plain fields and its collections. All else that it has, as one-time passwords, custom
// fields and attachments, stays.
func (c *Client) UpdateLogin(ctx context.Context, login Login) error {
	stored, err := c.item(ctx, login.ID)
	if err != nil {
		return err
	}
	key, err := c.itemKey(ctx, stored)
	if err != nil {
		return err
	}
	write(key, stored, login)
	// The server refuses a change of what was changed since.
	stored["lastKnownRevisionDate"] = stored["revisionDate"]
	delete(stored, "attachments") // the server keeps them unless told otherwise
	path := "/ciphers/" + url.PathEscape(login.ID)
	if err := c.api(ctx, http.MethodPut, path, stored, nil); err != nil {
		return fmt.Errorf("update the item %q: %w", login.Name, err)
	}
	if slices.Equal(slices.Sorted(slices.Values(login.CollectionIDs)), slices.Sorted(slices.Values(collections(stored)))) {
		return nil
	}
	return c.api(ctx, http.MethodPut, path+"/collections", document{"collectionIds": login.CollectionIDs}, nil)
}

// DeleteItem deletes an item for good; one that is gone already does not matter.
func (c *Client) DeleteItem(ctx context.Context, id string) error {
	if _, err := c.item(ctx, id); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return c.api(ctx, http.MethodDelete, "/ciphers/"+url.PathEscape(id), nil, nil)
}

// item fetches an item as it is stored. One in the trash is not found.
func (c *Client) item(ctx context.Context, id string) (document, error) {
	var stored document
	err := c.api(ctx, http.MethodGet, "/ciphers/"+url.PathEscape(id), nil, &stored)
	var status *StatusError
	if errors.As(err, &status) && status.Status < 500 {
		// Vaultwarden answers 400 for what is gone as for all else: the list of everything decides.
		present, listErr := c.lists(ctx, id)
		if listErr != nil {
			return nil, listErr
		}
		if !present {
			err = ErrNotFound
		}
	}
	if err == nil && stored["deletedDate"] != nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", id, err)
	}
	return stored, nil
}

// lists says whether the account can see an item at all.
func (c *Client) lists(ctx context.Context, id string) (bool, error) {
	var everything struct {
		Ciphers []struct {
			ID string `json:"id"`
		} `json:"ciphers"`
	}
	if err := c.api(ctx, http.MethodGet, "/sync?excludeDomains=true", nil, &everything); err != nil {
		return false, err
	}
	for _, item := range everything.Ciphers {
		if item.ID == id {
			return true, nil
		}
	}
	return false, nil
}

// itemKey is the key of an item's fields: the item's own, where a client gave it one, else its organization's.
func (c *Client) itemKey(ctx context.Context, stored document) (bitwarden.SymmetricKey, error) {
	organization := stored.text("organizationId")
	if organization == "" {
		return bitwarden.SymmetricKey{}, fmt.Errorf("item %s belongs to no organization", stored.text("id"))
	}
	key, err := c.key(ctx, organization)
	if err != nil || stored.text("key") == "" {
		return key, err
	}
	own, err := key.Decrypt(stored.text("key"))
	if err != nil {
		return key, fmt.Errorf("item %s: its key: %w", stored.text("id"), err)
	}
	return bitwarden.ParseSymmetricKey(own)
}

func (c *Client) read(ctx context.Context, stored document) (Login, error) {
	key, err := c.itemKey(ctx, stored)
	if err != nil {
		return Login{}, err
	}
	if kind, _ := stored["type"].(float64); kind != loginType {
		return Login{}, fmt.Errorf("item %s is of type %v and no login", stored.text("id"), stored["type"])
	}
	login := Login{ID: stored.text("id"), OrganizationID: stored.text("organizationId"), CollectionIDs: collections(stored)}
	fields, _ := stored["login"].(map[string]any)
	name, err := open(key, stored["name"])
	if err != nil {
		return Login{}, err
	}
	if name != nil {
		login.Name = *name
	}
	for target, value := range map[**string]any{
		&login.Notes: stored["notes"], &login.Username: fields["username"], &login.Password: fields["password"],
	} {
		if *target, err = open(key, value); err != nil {
			return Login{}, fmt.Errorf("item %s: %w", login.ID, err)
		}
	}
	for _, entry := range entries(fields["uris"]) {
		uri, err := open(key, entry["uri"])
		if err != nil {
			return Login{}, fmt.Errorf("item %s: %w", login.ID, err)
		}
		if uri != nil {
			login.URIs = append(login.URIs, *uri)
		}
	}
	return login, nil
}

// write encrypts a login into a stored item, beside what it has already.
func write(key bitwarden.SymmetricKey, item document, login Login) {
	fields, _ := item["login"].(map[string]any)
	if fields == nil {
		fields = map[string]any{}
	}
	before := map[string]document{}
	for _, entry := range entries(fields["uris"]) {
		if uri, err := open(key, entry["uri"]); err == nil && uri != nil {
			before[*uri] = entry
		}
	}
	uris := []document{}
	for _, uri := range login.URIs {
		entry, found := before[uri] // with the rule for matching that somebody gave it
		if !found {
			sum := sha256.Sum256([]byte(uri))
			checksum := key.Encrypt([]byte(base64.StdEncoding.EncodeToString(sum[:])))
			entry = document{"uri": key.Encrypt([]byte(uri)), "uriChecksum": checksum, "match": nil}
		}
		uris = append(uris, entry)
	}
	fields["uris"], fields["username"], fields["password"] = uris, seal(key, login.Username), seal(key, login.Password)
	delete(fields, "uri") // an old name of the first of uris, which would contradict them
	item["login"], item["name"], item["notes"] = fields, key.Encrypt([]byte(login.Name)), seal(key, login.Notes)
	delete(item, "data") // a copy of the above, in answers only
}

func entries(value any) []document {
	list, _ := value.([]any)
	var found []document
	for _, entry := range list {
		if fields, ok := entry.(map[string]any); ok {
			found = append(found, fields)
		}
	}
	return found
}

func collections(stored document) []string {
	list, _ := stored["collectionIds"].([]any)
	var found []string
	for _, entry := range list {
		if id, ok := entry.(string); ok {
			found = append(found, id)
		}
	}
	return found
}

func open(key bitwarden.SymmetricKey, value any) (*string, error) {
	text, ok := value.(string)
	if !ok || text == "" {
		return nil, nil
	}
	plain, err := key.Decrypt(text)
	if err != nil {
		return nil, err
	}
	opened := string(plain)
	return &opened, nil
}

func seal(key bitwarden.SymmetricKey, value *string) any {
	if value == nil {
		return nil
	}
	return key.Encrypt([]byte(*value))
}
