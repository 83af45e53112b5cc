package oauth

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestWronglyTypedExtrasSpoilNothing: who publishes nonsense about what few
// ask for can still be spoken with.
func TestWronglyTypedExtrasSpoilNothing(t *testing.T) {
	var md metadata
	err := json.Unmarshal([]byte(`{"issuer":"https://a.example","client_id_metadata_document_supported":"true",
		"scopes_supported":"openid email","token_endpoint_auth_methods_supported":{"a":1},
		"token_endpoint_auth_signing_alg_values_supported":["ES256",7,"","a\nb",null],"code_challenge_methods_supported":null}`), &md)
	if err != nil || md.Issuer != "https://a.example" || md.Documents || md.Scopes != nil || md.Methods != nil || md.Challenges != nil {
		t.Errorf("%+v: %v", md, err)
	}
	if !slices.Equal(md.KeyAlgorithms, words{"ES256"}) {
		t.Errorf("words %q", md.KeyAlgorithms)
	}
}

func TestExtrasAreReadAndBounded(t *testing.T) {
	var md metadata
	many := strings.Repeat(`"x",`, 2*maxWords) + `"last"`
	err := json.Unmarshal([]byte(`{"client_id_metadata_document_supported":true,"registration_endpoint":"https://a.example/r",
		"scopes_supported":[`+many+`],"token_endpoint_auth_methods_supported":["none","`+strings.Repeat("y", maxWord+1)+`"],
		"code_challenge_methods_supported":["S256"]}`), &md)
	if err != nil || !md.Documents || md.Registration != "https://a.example/r" || len(md.Scopes) != maxWords {
		t.Errorf("%v, %d scopes: %v", md.Documents, len(md.Scopes), err)
	}
	if !slices.Equal(md.Methods, words{"none"}) || !slices.Equal(md.Challenges, words{"S256"}) {
		t.Errorf("%q %q", md.Methods, md.Challenges)
	}
}
