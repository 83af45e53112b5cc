package oauth_test

import (
	"testing"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth/oauthtest"
	"github.com/authbridge/authbridge/oauth/profile"
)

const filesServer = "https://files.mcp.example.com/mcp"

// throughout asks for a resource, is granted it, refreshes it, and returns what
// each of the three requests said.
func throughout(t *testing.T, known profile.Profile) (device, poll, refresh oauthtest.Call) {
	t.Helper()
	tell(t, oauthtest.Settings{}, func(t *testing.T, s story) {
		cfg := configFor(s.issuer, oauthtest.Settings{})
		cfg.Profile = known
		s.provider = mustNew(t, cfg, s.issuer.Client())
		code, err := s.provider.Begin(t.Context(), bridge.CodeRequest{Scopes: everything, Resource: filesServer})
		if err != nil {
			t.Fatal(err)
		}
		s.approve(code)
		after(code.Interval)
		answer := s.poll(code)
		after(time.Hour)
		if _, err := s.provider.Refresh(t.Context(), answer.Tokens, bridge.RefreshRequest{Resource: filesServer}); err != nil {
			t.Fatal(err)
		}
		device, poll, refresh = s.issuer.Calls(oauthtest.Device)[0], s.issuer.Calls(oauthtest.Token)[0], s.issuer.Calls(oauthtest.Refresh)[0]
	})
	return device, poll, refresh
}

// Which resource a token is for is said to the letter in every request; what
// else the operator wants said is said when the code is asked for.
func TestCheck20TheResourceIsTheSameThroughout(t *testing.T) {
	device, poll, refresh := throughout(t, profile.Profile{}.Add(map[string]string{"audience": "https://api.example.com", "acr_values": "mfa"}))
	for name, sent := range map[string]oauthtest.Call{"device": device, "poll": poll, "refresh": refresh} {
		if got := sent.Form["resource"]; len(got) != 1 || got[0] != filesServer {
			t.Errorf("%s: the resource is %q", name, got)
		}
		more := 0
		if name == "device" {
			more = 1
		}
		if len(sent.Form["audience"]) != more || len(sent.Form["acr_values"]) != more {
			t.Errorf("%s: beside it %v are sent", name, sent.Form)
		}
	}
	if device.Form.Get("scope") != "openid email offline_access" || device.Form.Get("audience") != "https://api.example.com" {
		t.Errorf("asked for %v", device.Form)
	}
}

// Where a resource is not wanted, none of the requests names one.
func TestCheck21NoResourceWhereItIsNotWanted(t *testing.T) {
	device, poll, refresh := throughout(t, profile.Profile{OmitResource: true})
	for name, sent := range map[string]oauthtest.Call{"device": device, "poll": poll, "refresh": refresh} {
		if _, there := sent.Form["resource"]; there {
			t.Errorf("%s: the resource is sent: %v", name, sent.Form)
		}
	}
	entra, _ := profile.Find("entra")
	if !entra.OmitResource {
		t.Error("Entra ID is sent resources, which it refuses")
	}
}

// What the operator wants said cannot take the place of what we say.
func TestParametersAreNeverOurs(t *testing.T) {
	for _, name := range []string{
		"client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "resource", "audience",
		"grant_type", "device_code", "refresh_token", "code_challenge", "code_challenge_method", "code_verifier", "authorization_details",
	} {
		if !profile.Reserved(name) {
			t.Errorf("%s could be set from outside", name)
		}
	}
	if profile.Reserved("acr_values") || profile.Reserved("prompt") {
		t.Error("nothing can be said")
	}
}

// TestCheck20AChallengeAndItsVerifier go along where a server demands them, and
// nowhere else.
func TestCheck20AChallengeAndItsVerifier(t *testing.T) {
	settings := oauthtest.Settings{PKCE: true}
	tell(t, settings, func(t *testing.T, s story) {
		if _, err := s.provider.Begin(t.Context(), bridge.CodeRequest{}); err == nil {
			t.Error("a code came without a challenge")
		}
		cfg := configFor(s.issuer, settings)
		cfg.Profile.PKCE = true
		s.provider = mustNew(t, cfg, s.issuer.Client())
		first, second := s.begin(), s.begin()
		if first.Verifier.IsZero() || first.Verifier.Equal(second.Verifier) {
			t.Fatal("two codes have one verifier, or none")
		}
		s.approve(first)
		after(first.Interval)
		stolen := first
		stolen.Verifier = second.Verifier
		if answer := s.poll(stolen); answer.Verdict != bridge.PollLost {
			t.Errorf("with another's verifier: %v", answer.Verdict)
		}
		if answer := s.poll(first); answer.Verdict != bridge.PollGranted {
			t.Errorf("with its own: %v", answer.Verdict)
		}
	})
	device, poll, _ := throughout(t, profile.Profile{})
	if device.Form.Has("code_challenge") || poll.Form.Has("code_verifier") {
		t.Error("they are sent to a server that has no use for them")
	}
}
