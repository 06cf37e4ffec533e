// Package provider is the Terraform side: schemas, and what happens to each resource.
package provider

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"flow-proxy/terraform-provider-vaultwarden/internal/vault"
)

type vaultwarden struct {
	version string
	http    *http.Client
}

// New makes the provider's factory; client is the one to reach the server with, or nil for the usual one.
func New(version string, client *http.Client) func() provider.Provider {
	return func() provider.Provider { return &vaultwarden{version, client} }
}

func (p *vaultwarden) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName, response.Version = "vaultwarden", p.version
}

// settings are the provider's attributes, each with the environment variable that stands in for it.
type settings struct {
	Endpoint     types.String `tfsdk:"endpoint"`
	Email        types.String `tfsdk:"email"`
	Password     types.String `tfsdk:"password"`
	ClientID     types.String `tfsdk:"client_id"`
	ClientSecret types.String `tfsdk:"client_secret"`
}

func (p *vaultwarden) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	attribute := func(description string, sensitive bool) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Sensitive: sensitive, MarkdownDescription: description}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "Organizations, collections and logins of a Vaultwarden server. What they hold is encrypted before it leaves Terraform.",
		Attributes: map[string]schema.Attribute{
			"endpoint":      attribute("URL of the server, as `https://vault.example.org`; else `VAULTWARDEN_ENDPOINT`.", false),
			"email":         attribute("E-mail address of the account; else `VAULTWARDEN_EMAIL`.", false),
			"password":      attribute("Master password of the account; else `VAULTWARDEN_PASSWORD`. It is never sent.", true),
			"client_id":     attribute("Id of the account's API key, needed where it has two-step login; else `VAULTWARDEN_CLIENT_ID`.", false),
			"client_secret": attribute("Secret of the account's API key; else `VAULTWARDEN_CLIENT_SECRET`.", true),
		},
	}
}

func (p *vaultwarden) Configure(ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse) {
	var given settings
	response.Diagnostics.Append(request.Config.Get(ctx, &given)...)
	value := func(attribute types.String, name, variable string) string {
		if attribute.IsUnknown() {
			response.Diagnostics.AddAttributeError(path.Root(name), name+" is not known yet",
				"The provider needs it to read what is there. Apply first what it comes from, or give it in another way.")
		}
		if !attribute.IsNull() {
			return attribute.ValueString()
		}
		return os.Getenv(variable)
	}
	from := vault.Settings{
		Endpoint:     value(given.Endpoint, "endpoint", "VAULTWARDEN_ENDPOINT"),
		Email:        value(given.Email, "email", "VAULTWARDEN_EMAIL"),
		Password:     value(given.Password, "password", "VAULTWARDEN_PASSWORD"),
		ClientID:     value(given.ClientID, "client_id", "VAULTWARDEN_CLIENT_ID"),
		ClientSecret: value(given.ClientSecret, "client_secret", "VAULTWARDEN_CLIENT_SECRET"),
		HTTP:         p.http,
	}
	if response.Diagnostics.HasError() {
		return
	}
	client, err := vault.New(from)
	if err != nil {
		response.Diagnostics.AddError("The provider's configuration is not complete", err.Error())
		return
	}
	response.ResourceData = client
}

func (p *vaultwarden) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &organization{} },
		func() resource.Resource { return &collection{} },
		func() resource.Resource { return &loginItem{} },
	}
}

func (p *vaultwarden) DataSources(context.Context) []func() datasource.DataSource { return nil }

// configured is what each resource gets from the provider.
type configured struct {
	client *vault.Client
}

// Configure takes the provider's client; there is none yet while Terraform only checks a configuration.
func (c *configured) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	if request.ProviderData == nil {
		return
	}
	client, ok := request.ProviderData.(*vault.Client)
	if !ok {
		response.Diagnostics.AddError("Wrong provider", fmt.Sprintf("The provider hands its resources a %T.", request.ProviderData))
		return
	}
	c.client = client
}

// failed notes an error, and says whether there was one.
func failed(diagnostics *diag.Diagnostics, doing string, err error) bool {
	if err != nil {
		diagnostics.AddError("Cannot "+doing, err.Error())
	}
	return err != nil
}
