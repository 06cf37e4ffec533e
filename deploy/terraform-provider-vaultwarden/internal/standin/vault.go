package standin

import (
	"net/http"
	"regexp"
	"time"
)

var sealed = regexp.MustCompile(`^4\.[A-Za-z0-9+/]+=*$`)

// vault serves organizations, collections and items.
func (s *Server) vault(mux *http.ServeMux) {
	for pattern, handle := range map[string]func(*http.Request, object) (any, error){
		"GET /api/accounts/profile":                                      s.profile,
		"GET /api/sync":                                                  s.sync,
		"GET /api/accounts/revision-date":                                func(*http.Request, object) (any, error) { return time.Now().UnixMilli(), nil },
		"POST /api/organizations":                                        s.createOrganization,
		"GET /api/organizations/{organization}":                          s.organization,
		"PUT /api/organizations/{organization}":                          s.updateOrganization,
		"DELETE /api/organizations/{organization}":                       s.deleteOrganization,
		"GET /api/organizations/{organization}/collections":              s.listCollections,
		"GET /api/organizations/{organization}/collections/details":      s.listCollections,
		"POST /api/organizations/{organization}/collections":             s.writeCollection,
		"GET /api/organizations/{organization}/collections/{id}/details": s.collection,
		"PUT /api/organizations/{organization}/collections/{id}":         s.writeCollection,
		"DELETE /api/organizations/{organization}/collections/{id}":      s.deleteCollection,
		"GET /api/ciphers/{id}":                                          s.item,
		"GET /api/ciphers/{id}/details":                                  s.item,
		"POST /api/ciphers/create":                                       s.createItem,
		"PUT /api/ciphers/{id}":                                          s.updateItem,
		"PUT /api/ciphers/{id}/collections":                              s.moveItem,
		"DELETE /api/ciphers/{id}":                                       s.deleteItem,
	} {
		mux.HandleFunc(pattern, s.authorized(handle))
	}
}

func (s *Server) profile(*http.Request, object) (any, error) {
	return object{
		"id": userID, "email": s.account.Email, "name": "", "key": s.account.Key, "privateKey": s.account.PrivateKey, "premium": true,
		"securityStamp": "stamp", "emailVerified": true, "accountKeys": s.accountKeys(), "organizations": sorted(s.organizations),
		"providers": []any{}, "providerOrganizations": []any{}, "object": "profile",
	}, nil
}

func (s *Server) sync(r *http.Request, body object) (any, error) {
	profile, _ := s.profile(r, body)
	return object{
		"profile": profile, "folders": []any{}, "collections": sorted(s.collections), "ciphers": sorted(s.items), "policies": []any{}, "sends": []any{},
		"domains": nil, "userDecryption": s.unlocking("hasMasterPassword", "masterPasswordUnlock"), "object": "sync",
	}, nil
}

func (s *Server) createOrganization(_ *http.Request, body object) (any, error) {
	keys, _ := body["keys"].(map[string]any)
	key, _ := body["key"].(string)
	if err := secret("collectionName", body["collectionName"]); err != nil {
		return nil, err
	}
	if err := secret("keys.encryptedPrivateKey", keys["encryptedPrivateKey"]); err != nil {
		return nil, err
	}
	if !sealed.MatchString(key) || body["billingEmail"] == "" || body["name"] == "" {
		return nil, bad("key, billingEmail and name are needed")
	}
	id := newID()
	s.organizations[id] = object{
		"id": id, "name": body["name"], "billingEmail": body["billingEmail"], "key": key, "hasPublicAndPrivateKeys": true, "enabled": true, "status": 2, "type": 0,
		"userId": userID, "permissions": object{}, "useTotp": true, "object": "profileOrganization",
	}
	s.addCollection(id, object{"name": body["collectionName"]})
	return s.organizations[id], nil
}

func (s *Server) organization(r *http.Request, _ object) (any, error) {
	if found := s.organizations[r.PathValue("organization")]; found != nil {
		return found, nil
	}
	return nil, refusal{401, "The current user isn't member of the organization"}
}

func (s *Server) updateOrganization(r *http.Request, body object) (any, error) {
	found, err := s.organization(r, body)
	if err == nil {
		found.(object)["name"], found.(object)["billingEmail"] = body["name"], body["billingEmail"]
	}
	return found, err
}

func (s *Server) deleteOrganization(r *http.Request, body object) (any, error) {
	if _, err := s.organization(r, body); err != nil {
		return nil, err
	}
	if body["masterPasswordHash"] != s.account.PasswordHash {
		return nil, bad("Invalid password")
	}
	id := r.PathValue("organization")
	delete(s.organizations, id)
	for _, objects := range []map[string]object{s.collections, s.items} {
		for key, found := range objects {
			if found["organizationId"] == id {
				delete(objects, key)
			}
		}
	}
	return object{}, nil
}

func (s *Server) addCollection(organization string, fields object) object {
	id := newID()
	s.collections[id] = object{
		"id": id, "organizationId": organization, "name": fields["name"], "externalId": nil, "groups": []any{}, "users": []any{},
		"readOnly": false, "hidePasswords": false, "manage": true, "assigned": true, "type": 0, "object": "collectionDetails",
	}
	return s.collections[id]
}

func (s *Server) listCollections(r *http.Request, _ object) (any, error) {
	list := []object{}
	for _, found := range sorted(s.collections) {
		if found["organizationId"] == r.PathValue("organization") {
			list = append(list, found)
		}
	}
	return object{"data": list, "object": "list", "continuationToken": nil}, nil
}

func (s *Server) collection(r *http.Request, _ object) (any, error) {
	found := s.collections[r.PathValue("id")]
	if found == nil || found["organizationId"] != r.PathValue("organization") {
		return nil, bad("Collection not found")
	}
	return found, nil
}

func (s *Server) writeCollection(r *http.Request, body object) (any, error) {
	if s.organizations[r.PathValue("organization")] == nil {
		return nil, bad("Can't find organization details")
	}
	if err := secret("name", body["name"]); err != nil {
		return nil, err
	}
	if _, given := body["groups"].([]any); !given {
		return nil, bad("missing field `groups`")
	}
	if r.Method == http.MethodPost {
		return s.addCollection(r.PathValue("organization"), body), nil
	}
	found, err := s.collection(r, body)
	if err == nil {
		for _, field := range []string{"name", "groups", "users", "externalId"} {
			found.(object)[field] = body[field]
		}
	}
	return found, err
}

func (s *Server) deleteCollection(r *http.Request, body object) (any, error) {
	_, err := s.collection(r, body)
	delete(s.collections, r.PathValue("id"))
	return object{}, err
}

func (s *Server) item(r *http.Request, _ object) (any, error) {
	if found := s.items[r.PathValue("id")]; found != nil {
		return found, nil
	}
	return nil, bad("Cipher doesn't exist")
}

func (s *Server) createItem(_ *http.Request, body object) (any, error) {
	item, _ := body["cipher"].(map[string]any)
	ids, _ := body["collectionIds"].([]any)
	id := newID()
	stored := object{"id": id, "creationDate": now(), "deletedDate": nil, "edit": true, "viewPassword": true, "organizationUseTotp": true, "object": "cipherDetails"}
	if err := s.storeItem(stored, item); err != nil {
		return nil, err
	}
	if err := s.place(stored, ids); err != nil {
		return nil, err
	}
	s.items[id] = stored
	return stored, nil
}

func (s *Server) updateItem(r *http.Request, body object) (any, error) {
	found, err := s.item(r, body)
	if err != nil {
		return nil, err
	}
	stored := found.(object)
	known, err := time.Parse(time.RFC3339Nano, text(body["lastKnownRevisionDate"]))
	stamp, _ := time.Parse(time.RFC3339Nano, text(stored["revisionDate"]))
	if err == nil && stamp.Sub(known) > time.Second { // clients count in milliseconds
		return nil, bad("The client copy of this cipher is out of date. Resync the client and try again.")
	}
	if body["organizationId"] != stored["organizationId"] {
		return nil, bad("Organization mismatch. Please resync the client before updating the cipher")
	}
	return stored, s.storeItem(stored, body)
}

// storeItem takes over what a client may set of an item.
func (s *Server) storeItem(stored, given object) error {
	login, _ := given["login"].(map[string]any)
	checks := object{"name": given["name"], "notes": given["notes"], "key": given["key"], "username": login["username"], "password": login["password"]}
	uris, _ := login["uris"].([]any)
	for _, entry := range uris {
		fields, _ := entry.(map[string]any)
		checks["uri"], checks["uriChecksum"] = fields["uri"], fields["uriChecksum"]
		if err := secret("uri", fields["uri"]); err != nil {
			return err
		}
	}
	for what, value := range checks {
		if err := secret(what, value); err != nil {
			return err
		}
	}
	if s.organizations[text(given["organizationId"])] == nil || given["type"] != 1.0 || given["name"] == nil {
		return bad("type, name and organizationId are needed")
	}
	for _, field := range []string{"type", "organizationId", "key", "name", "notes", "fields", "login", "favorite", "reprompt", "passwordHistory", "folderId"} {
		stored[field] = given[field]
	}
	stored["revisionDate"] = now()
	return nil
}

func (s *Server) moveItem(r *http.Request, body object) (any, error) {
	found, err := s.item(r, body)
	if err != nil {
		return nil, err
	}
	ids, _ := body["collectionIds"].([]any)
	return found, s.place(found.(object), ids)
}

func (s *Server) place(stored object, ids []any) error {
	if len(ids) == 0 {
		return bad("You must select at least one collection.")
	}
	for _, id := range ids {
		if found := s.collections[text(id)]; found == nil || found["organizationId"] != stored["organizationId"] {
			return bad("Invalid collection ID provided")
		}
	}
	stored["collectionIds"] = ids
	return nil
}

func (s *Server) deleteItem(r *http.Request, body object) (any, error) {
	_, err := s.item(r, body)
	delete(s.items, r.PathValue("id"))
	return object{}, err
}

func text(value any) string {
	found, _ := value.(string)
	return found
}
