package provider

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"flow-proxy/terraform-provider-vaultwarden/internal/vault"
)

type loginItem struct{ configured }

type loginItemModel struct {
	ID             types.String `tfsdk:"id"`
	OrganizationID types.String `tfsdk:"organization_id"`
	CollectionID   types.String `tfsdk:"collection_id"`
	Name           types.String `tfsdk:"name"`
	Username       types.String `tfsdk:"username"`
	Password       types.String `tfsdk:"password"`
	URIs           types.List   `tfsdk:"uris"`
	Notes          types.String `tfsdk:"notes"`
}

func (r *loginItem) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_login_item"
}

func (r *loginItem) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A login in a collection. What else somebody adds to it (one-time passwords, custom fields, further collections) is kept.",
		Attributes: map[string]schema.Attribute{
			"id":              idAttribute("item"),
			"organization_id": fixedAttribute("Id of the organization; another one makes another item."),
			"collection_id": schema.StringAttribute{
				Required: true, MarkdownDescription: "Id of the collection; another one moves the item.", Validators: []validator.String{notEmpty{}},
			},
			"name":     nameAttribute("item"),
			"username": schema.StringAttribute{Optional: true, MarkdownDescription: "Whom to sign in as."},
			"password": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Password. It is in Terraform's state in plain text."},
			"uris":     schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Where to sign in."},
			"notes":    schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Anything else."},
		},
	}
}

func (r *loginItem) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan loginItemModel
	if response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...); response.Diagnostics.HasError() {
		return
	}
	login := plan.login(ctx, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	made, err := r.client.CreateLogin(ctx, login)
	if failed(&response.Diagnostics, "create the item", err) {
		return
	}
	plan.ID = types.StringValue(made.ID)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *loginItem) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state loginItemModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	found, err := r.client.Login(ctx, state.ID.ValueString())
	if errors.Is(err, vault.ErrNotFound) {
		response.State.RemoveResource(ctx)
		return
	}
	if failed(&response.Diagnostics, "read the item", err) {
		return
	}
	response.Diagnostics.Append(state.take(ctx, found)...)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *loginItem) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, state loginItemModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	login := plan.login(ctx, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	// Only the collection that is ours changes; others that somebody put the item into stay.
	found, err := r.client.Login(ctx, plan.ID.ValueString())
	if failed(&response.Diagnostics, "read the item", err) {
		return
	}
	for _, id := range found.CollectionIDs {
		if id != state.CollectionID.ValueString() && !slices.Contains(login.CollectionIDs, id) {
			login.CollectionIDs = append(login.CollectionIDs, id)
		}
	}
	if failed(&response.Diagnostics, "change the item", r.client.UpdateLogin(ctx, login)) {
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *loginItem) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state loginItemModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	failed(&response.Diagnostics, "delete the item", r.client.DeleteItem(ctx, state.ID.ValueString()))
}

func (r *loginItem) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), request, response)
}

// login is the model as the server's package wants it.
func (m *loginItemModel) login(ctx context.Context, diagnostics *diag.Diagnostics) vault.Login {
	login := vault.Login{
		ID: m.ID.ValueString(), OrganizationID: m.OrganizationID.ValueString(), CollectionIDs: []string{m.CollectionID.ValueString()},
		Name: m.Name.ValueString(), Username: m.Username.ValueStringPointer(), Password: m.Password.ValueStringPointer(), Notes: m.Notes.ValueStringPointer(),
	}
	if !m.URIs.IsNull() {
		diagnostics.Append(m.URIs.ElementsAs(ctx, &login.URIs, false)...)
	}
	return login
}

// take puts what the server has into the model.
func (m *loginItemModel) take(ctx context.Context, found vault.Login) diag.Diagnostics {
	m.OrganizationID, m.Name = types.StringValue(found.OrganizationID), types.StringValue(found.Name)
	// Of several collections the one that was ours; else the first, which shows as a change.
	if !slices.Contains(found.CollectionIDs, m.CollectionID.ValueString()) {
		m.CollectionID = types.StringNull()
		if len(found.CollectionIDs) > 0 {
			m.CollectionID = types.StringValue(found.CollectionIDs[0])
		}
	}
	for field, value := range map[*types.String]*string{&m.Username: found.Username, &m.Password: found.Password, &m.Notes: found.Notes} {
		// The server may not tell an empty text from none.
		if value != nil && *value != "" || field.ValueString() != "" {
			*field = types.StringPointerValue(value)
		}
	}
	if len(found.URIs) == 0 && m.URIs.IsNull() {
		return nil
	}
	uris, diagnostics := types.ListValueFrom(ctx, types.StringType, append([]string{}, found.URIs...))
	m.URIs = uris
	return diagnostics
}
