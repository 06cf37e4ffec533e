package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// notEmpty refuses texts of nothing but space.
type notEmpty struct{}

func (notEmpty) Description(context.Context) string             { return "must not be empty" }
func (v notEmpty) MarkdownDescription(c context.Context) string { return v.Description(c) }

func (notEmpty) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if !request.ConfigValue.IsNull() && !request.ConfigValue.IsUnknown() && strings.TrimSpace(request.ConfigValue.ValueString()) == "" {
		response.Diagnostics.AddAttributeError(request.Path, "Empty value", request.Path.String()+" must not be empty.")
	}
}
