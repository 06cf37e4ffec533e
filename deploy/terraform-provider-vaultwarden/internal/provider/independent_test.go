package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"flow-proxy/terraform-provider-vaultwarden/internal/standin"
)

// bitwardenCLI is Bitwarden's own command line, logged in to a server.
type bitwardenCLI struct {
	t           *testing.T
	environment []string
}

// bitwardenClient logs in with Bitwarden's own client, which BITWARDEN_CLI names.
func bitwardenClient(t *testing.T, server *standin.Server) *bitwardenCLI {
	t.Helper()
	if os.Getenv("BITWARDEN_CLI") == "" || os.Getenv("TF_ACC") == "" {
		t.Skip("BITWARDEN_CLI names no client of Bitwarden's, or TF_ACC_TERRAFORM_PATH no Terraform")
	}
	folder := t.TempDir()
	authority := filepath.Join(folder, "authority.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	client := &bitwardenCLI{t, append(os.Environ(), "BITWARDENCLI_APPDATA_DIR="+folder, "NODE_EXTRA_CA_CERTS="+authority, "BW_NOINTERACTION=true")}
	client.run("", "config", "server", server.URL)
	session := client.run("", "login", email, password, "--raw")
	client.environment = append(client.environment, "BW_SESSION="+session)
	return client
}

func (b *bitwardenCLI) run(input string, arguments ...string) string {
	b.t.Helper()
	command := exec.Command(os.Getenv("BITWARDEN_CLI"), arguments...)
	command.Env = b.environment
	command.Stdin = bytes.NewReader([]byte(input))
	var errors bytes.Buffer
	command.Stderr = &errors
	output, err := command.Output()
	if err != nil {
		b.t.Fatalf("bw %v: %v: %s%s", arguments, err, output, errors.Bytes())
	}
	return string(output)
}

// json runs a command and reads what it prints.
func (b *bitwardenCLI) json(into any, input any, arguments ...string) {
	b.t.Helper()
	text := ""
	if input != nil {
		encoded, err := json.Marshal(input)
		if err != nil {
			b.t.Fatal(err)
		}
		text = base64.StdEncoding.EncodeToString(encoded)
	}
	output := b.run(text, arguments...)
	if err := json.Unmarshal([]byte(output), into); err != nil {
		b.t.Fatalf("bw %v: %v: %s", arguments, err, output)
	}
}

type bwItem struct {
	ID             string   `json:"id,omitempty"`
	Type           int      `json:"type"`
	OrganizationID string   `json:"organizationId"`
	CollectionIDs  []string `json:"collectionIds"`
	Name           string   `json:"name"`
	Notes          string   `json:"notes"`
	Login          struct {
		Username string           `json:"username"`
		Password string           `json:"password"`
		TOTP     string           `json:"totp"`
		URIs     []map[string]any `json:"uris"`
	} `json:"login"`
}

func TestAccBitwardensOwnClientReadsWhatTheProviderWrites(t *testing.T) {
	for name, kdf := range derivations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := register(t, kdf)
			var organization, collection, item string
			run(t, server, resource.TestStep{
				Config: usual(server),
				Check: resource.ComposeTestCheckFunc(id(anOrganization, &organization), id(aCollection, &collection), id(anItem, &item), func(*terraform.State) error {
					client := bitwardenClient(t, server)
					var seen bwItem
					client.json(&seen, nil, "get", "item", item)
					if seen.Name != "PostgreSQL Root" || seen.Login.Username != "postgres" || seen.Login.Password != "s3cret" ||
						seen.Notes != "Production database root credentials" || len(seen.Login.URIs) != 1 ||
						seen.Login.URIs[0]["uri"] != "postgres://postgres.prod.svc.cluster.local:5432" || seen.CollectionIDs[0] != collection {
						return fmt.Errorf("Bitwarden's client sees %+v", seen)
					}
					var collections []struct{ ID, Name string }
					client.json(&collections, nil, "list", "collections", "--organizationid", organization)
					names := map[string]string{}
					for _, found := range collections {
						names[found.ID] = found.Name
					}
					if len(names) != 2 || names[collection] != "Production Credentials" {
						return fmt.Errorf("Bitwarden's client sees the collections %v", names)
					}
					return nil
				}),
			})
		})
	}
}

func TestAccTheProviderReadsWhatBitwardensOwnClientWrites(t *testing.T) {
	t.Parallel()
	server := register(t, derivations["Argon2id"])
	var client *bitwardenCLI
	var organization, collection, item string
	var theirs bwItem
	run(t, server,
		resource.TestStep{
			Config: usual(server),
			Check:  resource.ComposeAggregateTestCheckFunc(id(anOrganization, &organization), id(aCollection, &collection), id(anItem, &item)),
		},
		resource.TestStep{ // a password changed by hand is put right, what was added beside it stays
			PreConfig: func() {
				client = bitwardenClient(t, server)
				var seen bwItem
				client.json(&seen, nil, "get", "item", item)
				seen.Login.Password, seen.Login.TOTP = "changed by hand", "JBSWY3DPEHPK3PXP"
				client.json(&seen, seen, "edit", "item", item)
				theirs = bwItem{Type: 1, OrganizationID: organization, CollectionIDs: []string{collection}, Name: "Theirs", Notes: "note"}
				theirs.Login.Username, theirs.Login.Password = "they", "pässword"
				theirs.Login.URIs = []map[string]any{{"uri": "https://theirs.example.org", "match": nil}}
				client.json(&theirs, theirs, "create", "item", "--organizationid", organization)
			},
			Config: usual(server),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(anItem, plancheck.ResourceActionUpdate),
			}},
			Check: func(*terraform.State) error {
				client.run("", "sync")
				var seen bwItem
				client.json(&seen, nil, "get", "item", item)
				if seen.Login.Password != "s3cret" || seen.Login.TOTP != "JBSWY3DPEHPK3PXP" {
					return fmt.Errorf("Bitwarden's client sees %+v", seen)
				}
				return nil
			},
		},
		resource.TestStep{
			ResourceName: anItem, ImportState: true,
			ImportStateIdFunc: func(*terraform.State) (string, error) { return theirs.ID, nil },
			ImportStateCheck: func(states []*terraform.InstanceState) error {
				got := states[0].Attributes
				for attribute, want := range map[string]string{
					"name": "Theirs", "notes": "note", "username": "they", "password": "pässword", "uris.0": "https://theirs.example.org",
					"organization_id": organization, "collection_id": collection,
				} {
					if got[attribute] != want {
						return fmt.Errorf("%s is %q and not %q", attribute, got[attribute], want)
					}
				}
				return nil
			},
		},
	)
}
