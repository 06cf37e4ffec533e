// Command terraform-provider-vaultwarden lets Terraform and OpenTofu keep organizations, collections and logins in Vaultwarden.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"flow-proxy/terraform-provider-vaultwarden/internal/provider"
)

// version is set by the linker when a release is built.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger's Terraform to attach")
	flag.Parse()
	options := providerserver.ServeOpts{Address: "registry.terraform.io/ominis-ai/vaultwarden", Debug: *debug}
	if err := providerserver.Serve(context.Background(), provider.New(version, nil), options); err != nil {
		log.Fatal(err)
	}
}
