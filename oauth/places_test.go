package oauth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

// serverCase is one of docs/vectors/server-metadata.json.
type serverCase struct {
	Name, Source, Issuer string
	Answers              map[string]answer
	Requests             []string
	Offered              bool
	Refused, Unavailable string
	Outcome              bridge.OutcomeCode
}

// playServers tells the cases whose names begin so.
func playServers(t *testing.T, start string) {
	t.Helper()
	played := 0
	for _, c := range readVectors[serverCase](t, "server-metadata.json") {
		if !strings.HasPrefix(c.Name, start) {
			continue
		}
		played++
		t.Run(c.Name, func(t *testing.T) {
			world := &elsewhere{answers: c.Answers}
			provider := mustNew(t, oauth.Config{Issuer: c.Issuer, ClientID: clientID}, &http.Client{Transport: world})
			_, err := provider.Begin(t.Context(), bridge.CodeRequest{})
			if diff := cmp.Diff(c.Requests, world.requests); diff != "" {
				t.Error(diff)
			}
			switch {
			case c.Offered && err != nil:
				t.Error(err)
			case c.Refused != "":
				wantRefusal(t, err, c.Outcome, c.Refused)
			case c.Unavailable != "":
				wantFault(t, err, 0, c.Unavailable)
			}
		})
	}
	if played == 0 {
		t.Errorf("no case is called %q", start)
	}
}

func TestCheck06PlacesOfServerMetadataInOrder(t *testing.T) { playServers(t, "order") }
func TestCheck07TheIssuerIsTheSameToTheByte(t *testing.T)   { playServers(t, "issuer") }
func TestCheck08MetadataOfSomebodyElse(t *testing.T)        { playServers(t, "foreign") }
func TestCheck09ServersWithoutTheDeviceGrant(t *testing.T)  { playServers(t, "grant: no endpoint") }
func TestCheck10TheDeviceGrantIsNotListed(t *testing.T)     { playServers(t, "grant:") }
func TestCheck11EndpointsThatMustNotBeCalled(t *testing.T)  { playServers(t, "address") }
func TestCheck12ServerMetadataThatMoved(t *testing.T)       { playServers(t, "moved") }
func TestLooksAtServers(t *testing.T)                       { playServers(t, "") }

// TestCheck13ServerMetadataIsBounded: ten megabytes at a well-known place.
func TestCheck13ServerMetadataIsBounded(t *testing.T) {
	large := fmt.Sprintf(`{"issuer":"https://auth.example.com","x":%q}`, strings.Repeat("x", 10<<20))
	world := &elsewhere{answers: map[string]answer{"GET https://auth.example.com/.well-known/oauth-authorization-server": {Status: 200, Text: large}}}
	provider := mustNew(t, oauth.Config{Issuer: "https://auth.example.com", ClientID: clientID}, &http.Client{Transport: world})
	_, err := provider.Begin(t.Context(), bridge.CodeRequest{})
	wantRefusal(t, err, bridge.OutcomeProviderError, "larger than 1 MiB")
}

// TestWhatAHopMeetsIsToldSafely: the second host of a redirect fails in its own
// way, and none of its words are passed on.
func TestWhatAHopMeetsIsToldSafely(t *testing.T) {
	for words, fault := range map[string]error{
		"the connection broke": errors.New("secret of the peer"),
		"it took too long":     context.DeadlineExceeded,
		"certificate":          &tls.CertificateVerificationError{Err: errors.New("it is of somebody else")},
	} {
		world := good()
		world.set("GET "+filesPlace, answer{Status: 302, Location: "https://cdn.example.net/m?secret"})
		world.before = func(r *http.Request) error {
			if r.URL.Host == "cdn.example.net" {
				return fault
			}
			return nil
		}
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		_, err := resources.Look(t.Context(), files, bridge.Resource{})
		wantFault(t, err, 0, words)
		if !strings.Contains(err.Error(), "cdn.example.net") {
			t.Errorf("it does not say who did not answer: %v", err)
		}
	}
}
