package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"flow-proxy/terraform-provider-vaultwarden/internal/bitwarden"
)

// Organization is one that the account is a member of.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Key is the organization's key, sealed for the account.
	Key string `json:"key"`
}

// Organization finds one by its id.
func (c *Client) Organization(ctx context.Context, id string) (Organization, error) {
	// The profile lists all of them with their keys, and what is not in it is not there; asked for a single one,
	// Vaultwarden tells "gone" and "forbidden" apart by words alone.
	var profile struct {
		Organizations []Organization `json:"organizations"`
	}
	if err := c.api(ctx, http.MethodGet, "/accounts/profile", nil, &profile); err != nil {
		return Organization{}, err
	}
	for _, found := range profile.Organizations {
		if found.ID == id {
			return found, nil
		}
	}
	return Organization{}, fmt.Errorf("organization %s: %w", id, ErrNotFound)
}

// CreateOrganization makes an organization with the account as its owner.
func (c *Client) CreateOrganization(ctx context.Context, name, billingEmail string) (Organization, error) {
	current, err := c.login(ctx, nil)
	if err != nil {
		return Organization{}, err
	}
	key := bitwarden.NewSymmetricKey()
	sealed, err := bitwarden.SealKey(&current.private.PublicKey, key)
	if err != nil {
		return Organization{}, err
	}
	pair, _, err := bitwarden.NewKeyPair(key)
	if err != nil {
		return Organization{}, err
	}
	body := map[string]any{
		"name": name, "billingEmail": c.billing(billingEmail), "key": sealed, "keys": pair, "planType": 0,
		// The server wants a first collection; this is what Bitwarden's web vault calls it.
		"collectionName": key.Encrypt([]byte("Default collection")),
	}
	var made Organization
	if err := c.api(ctx, http.MethodPost, "/organizations", body, &made); err != nil {
		return Organization{}, fmt.Errorf("create the organization %q: %w", name, err)
	}
	made.Key = sealed
	return made, nil
}

// RenameOrganization changes an organization's name.
func (c *Client) RenameOrganization(ctx context.Context, id, name string) error {
	// Updating replaces the address too, so the one that is there goes with it.
	var details struct {
		BillingEmail string `json:"billingEmail"`
	}
	path := "/organizations/" + url.PathEscape(id)
	if err := c.api(ctx, http.MethodGet, path, nil, &details); err != nil {
		return err
	}
	return c.api(ctx, http.MethodPut, path, map[string]string{"name": name, "billingEmail": c.billing(details.BillingEmail)}, nil)
}

// DeleteOrganization deletes an organization with all that is in it; one that is gone already does not matter.
func (c *Client) DeleteOrganization(ctx context.Context, id string) error {
	if _, err := c.Organization(ctx, id); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	current, err := c.login(ctx, nil)
	if err != nil {
		return err
	}
	body := map[string]string{"masterPasswordHash": current.passwordHash}
	return c.api(ctx, http.MethodDelete, "/organizations/"+url.PathEscape(id), body, nil)
}

func (c *Client) billing(email string) string {
	if email == "" {
		return c.settings.Email
	}
	return email
}

// key opens an organization's key.
func (c *Client) key(ctx context.Context, organization string) (bitwarden.SymmetricKey, error) {
	found, err := c.Organization(ctx, organization)
	if err != nil {
		return bitwarden.SymmetricKey{}, err
	}
	current, err := c.login(ctx, nil)
	if err != nil {
		return bitwarden.SymmetricKey{}, err
	}
	key, err := bitwarden.OpenKey(current.private, found.Key)
	if err != nil {
		return key, fmt.Errorf("organization %s: %w", organization, err)
	}
	return key, nil
}
