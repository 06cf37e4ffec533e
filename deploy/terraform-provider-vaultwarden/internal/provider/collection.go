package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"flow-proxy/terraform-provider-vaultwarden/internal/vault"
)

type collection struct{ configured }

type collectionModel struct {
	ID             types.String `tfsdk:"id"`
	OrganizationID types.String `tfsdk:"organization_id"`
	Name           types.String `tfsdk:"name"`
}

func (r *collection) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_organization_collection"
}

func (r *collection) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A collection of an organization. Who may see it is given in the web vault, and kept.",
		Attributes: map[string]schema.Attribute{
			"id":              idAttribute("collection"),
			"organization_id": fixedAttribute("Id of the organization; another one makes another collection."),
			"name":            nameAttribute("collection; `/` nests it"),
		},
	}
}

func (r *collection) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan collectionModel
	if response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...); response.Diagnostics.HasError() {
		return
	}
	made, err := r.client.CreateCollection(ctx, plan.OrganizationID.ValueString(), plan.Name.ValueString())
	if failed(&response.Diagnostics, "create the collection", err) {
		return
	}
	plan.ID = types.StringValue(made.ID)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *collection) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state collectionModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	found, err := r.client.Collection(ctx, state.OrganizationID.ValueString(), state.ID.ValueString())
	if errors.Is(err, vault.ErrNotFound) {
		response.State.RemoveResource(ctx)
		return
	}
	if failed(&response.Diagnostics, "read the collection", err) {
		return
	}
	state.Name = types.StringValue(found.Name)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *collection) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan collectionModel
	if response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...); response.Diagnostics.HasError() {
		return
	}
	changed := vault.Collection{ID: plan.ID.ValueString(), OrganizationID: plan.OrganizationID.ValueString(), Name: plan.Name.ValueString()}
	if failed(&response.Diagnostics, "rename the collection", r.client.RenameCollection(ctx, changed)) {
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *collection) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state collectionModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	err := r.client.DeleteCollection(ctx, state.OrganizationID.ValueString(), state.ID.ValueString())
	failed(&response.Diagnostics, "delete the collection", err)
}

// ImportState takes ORGANIZATION_ID/COLLECTION_ID.
func (r *collection) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	organization, id, found := strings.Cut(request.ID, "/")
	if !found || organization == "" || id == "" {
		response.Diagnostics.AddError("Wrong id to import", "A collection is imported as ORGANIZATION_ID/COLLECTION_ID, and not as "+request.ID+".")
		return
	}
	response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("organization_id"), organization)...)
	response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("id"), id)...)
}
