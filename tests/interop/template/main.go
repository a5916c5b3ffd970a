// Program template renders username templates with Vault's own library: a JSON list of templates on stdin, a JSON list of
// what each gives on stdout.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/hashicorp/vault/sdk/helper/template"
)

type metadata struct {
	DisplayName string
	RoleName    string
}

type rendered struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

func main() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		log.Fatal(err)
	}
	all := make([]rendered, 0, len(texts))
	for _, text := range texts {
		all = append(all, render(text))
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		log.Fatal(err)
	}
}

func render(text string) rendered {
	parsed, err := template.NewTemplate(template.Template(text))
	if err != nil {
		return rendered{Error: err.Error()}
	}
	made, err := parsed.Generate(metadata{DisplayName: "token-é", RoleName: "my-role"})
	if err != nil {
		return rendered{Error: err.Error()}
	}
	return rendered{Text: made}
}
