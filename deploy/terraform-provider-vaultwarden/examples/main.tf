terraform {
  required_providers {
    vaultwarden = {
      source  = "ominis-ai/vaultwarden"
      version = "~> 1.0"
    }
  }
}

variable "admin_password" {
  type      = string
  sensitive = true
}

variable "db_password" {
  type      = string
  sensitive = true
}

provider "vaultwarden" {
  endpoint = "https://vault.ominis.ai"
  email    = "admin@ominis.ai"
  password = var.admin_password
}

resource "vaultwarden_organization" "platform" {
  name = "Platform Team"
}

resource "vaultwarden_organization_collection" "credentials" {
  organization_id = vaultwarden_organization.platform.id
  name            = "Production Credentials"
}

resource "vaultwarden_login_item" "database" {
  organization_id = vaultwarden_organization.platform.id
  collection_id   = vaultwarden_organization_collection.credentials.id

  name     = "PostgreSQL Root"
  username = "postgres"
  password = var.db_password
  uris     = ["postgres://postgres.prod.svc.cluster.local:5432"]
  notes    = "Production database root credentials"
}
