package provider

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"flow-proxy/terraform-provider-vaultwarden/internal/bitwarden"
	"flow-proxy/terraform-provider-vaultwarden/internal/standin"
)

const (
	email    = "admin@ominis.ai"
	password = "correct horse battery staple"
)

// derivations are the two that accounts have.
var derivations = map[string]bitwarden.KDF{
	"PBKDF2":   {Type: bitwarden.PBKDF2, Iterations: 600_000},
	"Argon2id": {Type: bitwarden.Argon2id, Iterations: 3, Memory: 64, Parallelism: 4},
}

// register makes an account as a client does, and the server that has it.
func register(t *testing.T, kdf bitwarden.KDF) *standin.Server {
	t.Helper()
	master, err := kdf.MasterKey(password, email)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bitwarden.PasswordHash(master, password)
	if err != nil {
		t.Fatal(err)
	}
	stretched, err := bitwarden.Stretch(master)
	if err != nil {
		t.Fatal(err)
	}
	user := bitwarden.NewSymmetricKey()
	pair, _, err := bitwarden.NewKeyPair(user)
	if err != nil {
		t.Fatal(err)
	}
	server := standin.Start(standin.Account{
		Email: email, PasswordHash: hash, KDF: kdf.Type, Iterations: kdf.Iterations, Memory: kdf.Memory, Parallelism: kdf.Parallelism,
		Key: stretched.Encrypt(user.Bytes()), PublicKey: pair.PublicKey, PrivateKey: pair.EncryptedPrivateKey,
	})
	t.Cleanup(server.Close)
	return server
}

// run runs steps with the provider in this process, in a real Terraform.
func run(t *testing.T, server *standin.Server, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"vaultwarden": providerserver.NewProtocol6WithError(New("1.0.0", server.Client())()),
		},
		Steps: steps,
	})
}

func access(server *standin.Server) string {
	return fmt.Sprintf(`
provider "vaultwarden" {
  endpoint = %q
  email    = %q
  password = %q
}
`, server.URL, email, password)
}

// platform is what the users' guide shows; each value can be another.
func platform(server *standin.Server, organization, collection, username, secret, uris, notes string) string {
	return access(server) + fmt.Sprintf(`
resource "vaultwarden_organization" "platform" {
  name = %q
}

resource "vaultwarden_organization_collection" "credentials" {
  organization_id = vaultwarden_organization.platform.id
  name            = %q
}

resource "vaultwarden_login_item" "database" {
  organization_id = vaultwarden_organization.platform.id
  collection_id   = vaultwarden_organization_collection.credentials.id

  name     = "PostgreSQL Root"
  username = %q
  password = %q
  uris     = [%s]
  notes    = %q
}
`, organization, collection, username, secret, uris, notes)
}

const (
	anOrganization = "vaultwarden_organization.platform"
	aCollection    = "vaultwarden_organization_collection.credentials"
	anItem         = "vaultwarden_login_item.database"
)

func usual(server *standin.Server) string {
	return platform(server, "Platform Team", "Production Credentials", "postgres", "s3cret", `"postgres://postgres.prod.svc.cluster.local:5432"`, "Production database root credentials")
}

// id finds a resource's id, for imports and for meddling with the server.
func id(name string, found *string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(name, "id", func(value string) error {
		*found = value
		return nil
	})
}

func TestAccFromNothingToGone(t *testing.T) {
	for name, kdf := range derivations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := register(t, kdf)
			var organization, collection, item string
			run(t, server,
				resource.TestStep{
					Config: usual(server),
					Check: resource.ComposeAggregateTestCheckFunc(
						id(anOrganization, &organization), id(aCollection, &collection), id(anItem, &item),
						resource.TestCheckResourceAttr(anItem, "password", "s3cret"),
						resource.TestCheckResourceAttr(anItem, "uris.0", "postgres://postgres.prod.svc.cluster.local:5432"),
					),
				},
				resource.TestStep{
					Config:           usual(server),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
				},
				resource.TestStep{
					Config: platform(server, "Platform", "Production/Databases", "root", "n3w", `"https://a.example.org", "https://b.example.org"`, "Zeilen\nund Ümläute"),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(anOrganization, plancheck.ResourceActionUpdate),
						plancheck.ExpectResourceAction(aCollection, plancheck.ResourceActionUpdate),
						plancheck.ExpectResourceAction(anItem, plancheck.ResourceActionUpdate),
					}},
					Check: resource.ComposeAggregateTestCheckFunc(
						resource.TestCheckResourceAttrPtr(anItem, "id", &item),
						resource.TestCheckResourceAttrPtr(aCollection, "id", &collection),
					),
				},
				resource.TestStep{ResourceName: anOrganization, ImportState: true, ImportStateVerify: true},
				resource.TestStep{
					ResourceName: aCollection, ImportState: true, ImportStateVerify: true,
					ImportStateIdFunc: func(*terraform.State) (string, error) { return organization + "/" + collection, nil },
				},
				resource.TestStep{ResourceName: anItem, ImportState: true, ImportStateVerify: true},
				resource.TestStep{ResourceName: aCollection, ImportState: true, ImportStateId: "only-one-part", ExpectError: regexp.MustCompile("ORGANIZATION_ID/COLLECTION_ID")},
			)
			server.Organizations(func(left map[string]map[string]any) {
				if len(left) > 0 {
					t.Errorf("%d organizations stayed behind", len(left))
				}
			})
		})
	}
}

func TestAccWhatOthersChangeIsSeenAndPutRight(t *testing.T) {
	t.Parallel()
	server := register(t, derivations["PBKDF2"])
	var collection, item string
	run(t, server,
		resource.TestStep{
			Config: usual(server),
			Check:  resource.ComposeAggregateTestCheckFunc(id(aCollection, &collection), id(anItem, &item)),
		},
		resource.TestStep{ // another client took the password away, and added what is not ours
			PreConfig: func() {
				server.Items(func(items map[string]map[string]any) {
					login := items[item]["login"].(map[string]any)
					login["password"], login["totp"] = nil, "2.AA==|AA==|AA=="
					items[item]["fields"] = []any{map[string]any{"type": 0, "name": "2.AA==|AA==|AA==", "value": nil}}
				})
				server.Organizations(func(organizations map[string]map[string]any) {
					for _, found := range organizations {
						found["name"], found["billingEmail"] = "Renamed", "bills@example.org"
					}
				})
				server.Collections(func(collections map[string]map[string]any) {
					collections[collection]["users"] = []any{map[string]any{"id": "somebody", "readOnly": true}}
				})
			},
			Config: usual(server),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(anOrganization, plancheck.ResourceActionUpdate),
				plancheck.ExpectResourceAction(aCollection, plancheck.ResourceActionNoop),
				plancheck.ExpectResourceAction(anItem, plancheck.ResourceActionUpdate),
			}},
			Check: func(*terraform.State) error {
				var err error
				server.Items(func(items map[string]map[string]any) {
					if login := items[item]["login"].(map[string]any); login["totp"] == nil || login["password"] == nil || items[item]["fields"] == nil {
						err = fmt.Errorf("the item lost something: %v", items[item])
					}
				})
				server.Organizations(func(organizations map[string]map[string]any) {
					for _, found := range organizations {
						if found["billingEmail"] != "bills@example.org" {
							err = fmt.Errorf("the organization's bills go to %v", found["billingEmail"])
						}
					}
				})
				return err
			},
		},
		resource.TestStep{ // a rename leaves those who may see the collection
			Config: platform(server, "Platform Team", "Renamed", "postgres", "s3cret", `"https://a.example.org"`, "n"),
			Check: func(*terraform.State) error {
				var err error
				server.Collections(func(collections map[string]map[string]any) {
					if users := collections[collection]["users"].([]any); len(users) != 1 {
						err = fmt.Errorf("users of the collection: %v", users)
					}
				})
				return err
			},
		},
		resource.TestStep{ // what is in the trash, and what is gone, is made again
			PreConfig: func() {
				server.Items(func(items map[string]map[string]any) { items[item]["deletedDate"] = "2026-01-01T00:00:00Z" })
				server.Forget()
			},
			Config: usual(server),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(anItem, plancheck.ResourceActionCreate),
			}},
			Check: id(anItem, &item),
		},
		resource.TestStep{
			PreConfig: func() {
				server.Items(func(items map[string]map[string]any) { delete(items, item) })
				server.Collections(func(collections map[string]map[string]any) { delete(collections, collection) })
			},
			Config: usual(server),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(aCollection, plancheck.ResourceActionCreate),
				plancheck.ExpectResourceAction(anItem, plancheck.ResourceActionCreate),
			}},
		},
	)
}

func TestAccBadInput(t *testing.T) {
	t.Parallel()
	server := register(t, derivations["PBKDF2"])
	wrong := func(attribute, value string) string {
		settings := map[string]string{"endpoint": server.URL, "email": email, "password": password}
		settings[attribute] = value
		text := "provider \"vaultwarden\" {\n"
		for name, value := range settings {
			text += fmt.Sprintf("  %s = %q\n", name, value)
		}
		return text + "}\nresource \"vaultwarden_organization\" \"platform\" {\n  name = \"x\"\n}\n"
	}
	for _, step := range []struct{ config, message string }{
		{wrong("password", "wrong"), "(?s)Username or password.*incorrect"},
		{wrong("endpoint", "vault.ominis.ai"), "not a URL"},
		{wrong("client_id", "user.x"), "needed together"},
		{wrong("email", ""), "email and password are needed"},
		{wrong("endpoint", "https://127.0.0.1:1"), "refused"},
		{access(server) + "resource \"vaultwarden_organization\" \"a\" {\n  name = \" \"\n}\n", "must not be empty"},
		{access(server) + "resource \"vaultwarden_organization\" \"a\" {}\n", "(?s)\"name\" is required"},
		{access(server) + "resource \"vaultwarden_organization_collection\" \"a\" {\n  organization_id = \"none\"\n  name = \"x\"\n}\n", "(?s)organization none.*not found"},
	} {
		run(t, server, resource.TestStep{Config: step.config, ExpectError: regexp.MustCompile(step.message)})
	}
}

func TestAccAnAPIKeyLogsIn(t *testing.T) {
	server := register(t, derivations["PBKDF2"])
	for name, value := range map[string]string{
		"ENDPOINT": server.URL, "EMAIL": email, "PASSWORD": password, "CLIENT_ID": "user.0", "CLIENT_SECRET": "the API key",
	} {
		t.Setenv("VAULTWARDEN_"+name, value)
	}
	run(t, server, resource.TestStep{Config: "resource \"vaultwarden_organization\" \"platform\" {\n  name = \"x\"\n}\n"})
}

func TestMain(m *testing.M) {
	// The tests want a real Terraform or OpenTofu; resource.Test skips without this.
	if os.Getenv("TF_ACC_TERRAFORM_PATH") != "" {
		os.Setenv("TF_ACC", "1")
	}
	os.Unsetenv("TF_CLI_CONFIG_FILE") // a user's own, whose warnings OpenTofu mixes into its version
	os.Setenv("TF_ACC_PROVIDER_NAMESPACE", "ominis-ai")
	os.Setenv("CHECKPOINT_DISABLE", "1")
	os.Exit(m.Run())
}
