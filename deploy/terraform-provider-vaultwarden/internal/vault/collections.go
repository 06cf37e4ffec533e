package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Collection is one of an organization's, with its name in plain text.
type Collection struct {
	ID, OrganizationID, Name string
}

// document is an object of the server's, of which this package changes some fields and keeps all others.
type document map[string]any

func (d document) text(field string) string {
	value, _ := d[field].(string)
	return value
}

func collectionPath(organization, id string) string {
	path := "/organizations/" + url.PathEscape(organization) + "/collections"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return path
}

// Collection finds one by its id.
func (c *Client) Collection(ctx context.Context, organization, id string) (Collection, error) {
	key, err := c.key(ctx, organization)
	if err != nil {
		return Collection{}, err
	}
	var list struct {
		Data []document `json:"data"`
	}
	if err := c.api(ctx, http.MethodGet, collectionPath(organization, ""), nil, &list); err != nil {
		return Collection{}, err
	}
	for _, found := range list.Data {
		if found.text("id") == id {
			name, err := key.Decrypt(found.text("name"))
			if err != nil {
				return Collection{}, fmt.Errorf("collection %s: %w", id, err)
			}
			return Collection{id, organization, string(name)}, nil
		}
	}
	return Collection{}, fmt.Errorf("collection %s: %w", id, ErrNotFound)
}

// CreateCollection makes a collection to which nobody is assigned but those who see all.
func (c *Client) CreateCollection(ctx context.Context, organization, name string) (Collection, error) {
	key, err := c.key(ctx, organization)
	if err != nil {
		return Collection{}, err
	}
	body := document{"name": key.Encrypt([]byte(name)), "groups": []any{}, "users": []any{}, "externalId": nil}
	var made document
	if err := c.api(ctx, http.MethodPost, collectionPath(organization, ""), body, &made); err != nil {
		return Collection{}, fmt.Errorf("create the collection %q: %w", name, err)
	}
	return Collection{made.text("id"), organization, name}, nil
}

// RenameCollection changes a collection's name, and nothing about who may see it.
func (c *Client) RenameCollection(ctx context.Context, changed Collection) error {
	key, err := c.key(ctx, changed.OrganizationID)
	if err != nil {
		return err
	}
	path := collectionPath(changed.OrganizationID, changed.ID)
	var details document
	if err := c.api(ctx, http.MethodGet, path+"/details", nil, &details); err != nil {
		return err
	}
	body := document{"name": key.Encrypt([]byte(changed.Name)), "groups": []any{}, "users": []any{}, "externalId": details["externalId"]}
	for _, field := range []string{"groups", "users"} {
		if list, ok := details[field].([]any); ok {
			body[field] = list
		}
	}
	return c.api(ctx, http.MethodPut, path, body, nil)
}

// DeleteCollection deletes a collection; one that is gone already does not matter.
func (c *Client) DeleteCollection(ctx context.Context, organization, id string) error {
	if _, err := c.Collection(ctx, organization, id); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return c.api(ctx, http.MethodDelete, collectionPath(organization, id), nil, nil)
}
