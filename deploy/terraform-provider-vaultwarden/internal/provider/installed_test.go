package provider

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The executable as users install it, with the configuration of examples/.
func TestAccTheExampleWithTheInstalledExecutable(t *testing.T) {
	t.Parallel()
	terraform := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if terraform == "" {
		t.Skip("TF_ACC_TERRAFORM_PATH names no Terraform")
	}
	server := register(t, derivations["Argon2id"])
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		place := filepath.Join(folder, "mirror", registry, "ominis-ai/vaultwarden/1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
		build := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-X main.version=1.0.0", "-o", filepath.Join(place, "terraform-provider-vaultwarden_v1.0.0"), "../..")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	example, err := os.ReadFile("../../examples/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	write("main.tf", []byte(strings.ReplaceAll(string(example), "https://vault.ominis.ai", server.URL)))
	environment := append(os.Environ(),
		"HOME="+folder, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_VAR_admin_password="+password, "TF_VAR_db_password=s3cret",
		"SSL_CERT_FILE="+write("authority.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		"TF_CLI_CONFIG_FILE="+write("cli.tfrc", []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+filepath.Join(folder, "mirror")+"\"\n  }\n}\n")),
	)
	run := func(arguments ...string) string {
		t.Helper()
		command := exec.Command(terraform, arguments...)
		command.Dir, command.Env = folder, environment
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v: %s", arguments, err, output)
		}
		return string(output)
	}
	run("init", "-no-color")
	if applied := run("apply", "-auto-approve", "-no-color"); strings.Contains(applied, "s3cret") || strings.Contains(applied, "root credentials") {
		t.Errorf("a secret is shown: %s", applied)
	}
	run("plan", "-detailed-exitcode", "-no-color") // 2 if anything were to change
	if server.Logins() != 2 {
		t.Errorf("%d logins of two runs", server.Logins())
	}
	run("destroy", "-auto-approve", "-no-color")
}
