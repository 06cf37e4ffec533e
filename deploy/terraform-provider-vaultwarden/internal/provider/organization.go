package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"flow-proxy/terraform-provider-vaultwarden/internal/vault"
)

type organization struct{ configured }

type organizationModel struct {
	ID   types.String `tfsdk:"id"`
	Name types.String `tfsdk:"name"`
}

// idAttribute is what the server chooses and never changes.
func idAttribute(what string) schema.StringAttribute {
	return schema.StringAttribute{
		Computed: true, MarkdownDescription: "Id of the " + what + ".",
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

func nameAttribute(what string) schema.StringAttribute {
	return schema.StringAttribute{
		Required: true, MarkdownDescription: "Name of the " + what + ".", Validators: []validator.String{notEmpty{}},
	}
}

// fixedAttribute is an id that cannot be changed in place.
func fixedAttribute(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Required: true, MarkdownDescription: description,
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}, Validators: []validator.String{notEmpty{}},
	}
}

func (r *organization) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_organization"
}

func (r *organization) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "An organization that the account owns. Destroying it destroys all that is in it.",
		Attributes:          map[string]schema.Attribute{"id": idAttribute("organization"), "name": nameAttribute("organization")},
	}
}

func (r *organization) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan organizationModel
	if response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...); response.Diagnostics.HasError() {
		return
	}
	made, err := r.client.CreateOrganization(ctx, plan.Name.ValueString(), "")
	if failed(&response.Diagnostics, "create the organization", err) {
		return
	}
	plan.ID = types.StringValue(made.ID)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *organization) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state organizationModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	found, err := r.client.Organization(ctx, state.ID.ValueString())
	if errors.Is(err, vault.ErrNotFound) {
		response.State.RemoveResource(ctx)
		return
	}
	if failed(&response.Diagnostics, "read the organization", err) {
		return
	}
	state.Name = types.StringValue(found.Name)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *organization) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan organizationModel
	if response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...); response.Diagnostics.HasError() {
		return
	}
	err := r.client.RenameOrganization(ctx, plan.ID.ValueString(), plan.Name.ValueString())
	if failed(&response.Diagnostics, "rename the organization", err) {
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *organization) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state organizationModel
	if response.Diagnostics.Append(request.State.Get(ctx, &state)...); response.Diagnostics.HasError() {
		return
	}
	failed(&response.Diagnostics, "delete the organization", r.client.DeleteOrganization(ctx, state.ID.ValueString()))
}

func (r *organization) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), request, response)
}
