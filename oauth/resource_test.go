package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
)

const (
	files      = "https://mcp.example.com/mcp"
	filesPlace = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
	rootPlace  = "https://mcp.example.com/.well-known/oauth-protected-resource"
)

// resourceCase is one of docs/vectors/resource-metadata.json.
type resourceCase struct {
	Name, Source, Resource string
	Parent                 bool
	Answers                map[string]answer
	Requests               []string
	Want                   *struct {
		Resource                   string
		Issuers, Scopes, Supported []string
		Name                       string
		Deviation                  bool
	}
	Refused, Unavailable string
}

func (c resourceCase) look(t *testing.T) (bridge.Protected, *elsewhere, error) {
	world := &elsewhere{answers: c.Answers}
	resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
	found, err := resources.Look(t.Context(), c.Resource, bridge.Resource{Parent: c.Parent})
	return found, world, err
}

// playResources tells the cases that have one of these words in their name, or
// those that have none of all that are named.
func playResources(t *testing.T, words ...string) {
	t.Helper()
	played := 0
	for _, c := range readVectors[resourceCase](t, "resource-metadata.json") {
		if !fits(c.Name, words) {
			continue
		}
		played++
		t.Run(c.Name, func(t *testing.T) {
			found, world, err := c.look(t)
			if diff := cmp.Diff(c.Requests, world.requests); diff != "" {
				t.Error(diff)
			}
			for _, header := range world.headers {
				if header.Get("Authorization") != "" || header.Get("Cookie") != "" {
					t.Errorf("a call carries a credential: %v", header)
				}
			}
			switch {
			case c.Refused != "":
				wantRefusal(t, err, bridge.OutcomeProviderError, c.Refused)
			case c.Unavailable != "":
				wantFault(t, err, 0, c.Unavailable)
			case err != nil:
				t.Fatal(err)
			default:
				if (found.Deviation != "") != c.Want.Deviation {
					t.Errorf("deviation %q", found.Deviation)
				}
				found.Deviation = ""
				want := bridge.Protected{Resource: c.Want.Resource, Issuers: c.Want.Issuers, Scopes: c.Want.Scopes, Supported: c.Want.Supported, Name: c.Want.Name}
				if diff := cmp.Diff(want, found); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if played == 0 {
		t.Errorf("no case is about %q", words)
	}
}

func fits(name string, words []string) bool {
	for _, word := range words {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func TestCheck01TheChallengeSaysWhereTheMetadataIs(t *testing.T) {
	playResources(t, "the challenge names the metadata", "names the metadata;", "the example of RFC 9728", "the challenge comes all the same", "where the challenge points to")
}

func TestCheck03WellKnownPlacesInOrder(t *testing.T) {
	playResources(t, "no challenge", "has one place", "leads to the next", "nothing anywhere", "at one place")
}

func TestCheck04AForeignResourceIsRefused(t *testing.T) {
	playResources(t, "speaks for something else", "an honest resource", "no parent", "must speak for the resource", "where the operator allows it")
}

func TestCheck05SomebodyHasToGiveTokens(t *testing.T) {
	playResources(t, "authorization server", "no issuer")
}

func TestCheck11AddressesThatMetadataMustNotName(t *testing.T) {
	playResources(t, "no issuer", "must not be called")
}

func TestCheck12RedirectsLeadNowhereInside(t *testing.T) {
	playResources(t, "no call may go")
}

// TestLooksAtResources plays all cases, so that none is forgotten.
func TestLooksAtResources(t *testing.T) { playResources(t, "") }

func TestCheck13WhatAResourceSaysIsBounded(t *testing.T) {
	large := fmt.Sprintf(`{"resource":%q,"authorization_servers":["https://auth.example.com"],"x":%q}`, files, strings.Repeat("x", 10<<20))
	c := resourceCase{Resource: files, Answers: map[string]answer{
		"GET " + filesPlace: {Status: 200, Text: large}, "GET " + rootPlace: {Status: 200, Text: large},
	}}
	_, _, err := c.look(t)
	wantRefusal(t, err, bridge.OutcomeProviderError, "larger than 1 MiB")
	playResources(t, "without end", "web page", "that moved")

	var scopes []string
	for n := range 1000 {
		scopes = append(scopes, fmt.Sprint("s", n))
	}
	c.Answers = map[string]answer{
		"GET " + files: {Status: 401, Challenges: []string{`Bearer scope="` + strings.Join(scopes, " ") + `"`}},
		"GET " + filesPlace: {Status: 200, Text: fmt.Sprintf(`{"resource":%q,"authorization_servers":["https://auth.example.com"],"scopes_supported":["%s"]}`,
			files, strings.Join(scopes, `","`))},
	}
	if found, _, err := c.look(t); err != nil || len(found.Scopes) != 100 || len(found.Supported) != 100 {
		t.Errorf("%d scopes, %d supported: %v", len(found.Scopes), len(found.Supported), err)
	}
	c.Answers["GET "+filesPlace] = answer{Status: 200, Text: fmt.Sprintf(`{"resource":%q,"authorization_servers":["https://auth.example.com/%s"]}`,
		files, strings.Repeat("x", 500))}
	_, _, err = c.look(t)
	wantRefusal(t, err, bridge.OutcomeProviderError, "too long")
}

// TestCheck13AResourceThatHangs: one that never answers, or streams for ever,
// holds nobody up for longer than half a minute.
func TestCheck13AResourceThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &elsewhere{answers: map[string]answer{}, before: func(r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}}
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		began := time.Now()
		_, err := resources.Look(t.Context(), files, bridge.Resource{})
		wantFault(t, err, 0, "took too long")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		after(resourcePause)
		if _, err := resources.Look(hasty, files, bridge.Resource{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gives up gets %v", err)
		}
		after(30 * time.Second) // the look itself goes on until then
	})
}

// What is promised about how often a resource is asked.
const (
	resourceLife  = 5 * time.Minute
	resourcePause = 10 * time.Second
)

// good is a resource in order.
func good() *elsewhere {
	return &elsewhere{answers: map[string]answer{"GET " + filesPlace: {
		Status: 200, JSON: []byte(`{"resource":"` + files + `","authorization_servers":["https://a.example"],"scopes_supported":["x"]}`),
	}}}
}

// TestCheck14WhatAResourceSaysIsKept for five minutes, and its new issuer is
// seen then.
func TestCheck14WhatAResourceSaysIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := good()
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		look := func(calls int, issuer string) {
			t.Helper()
			found, err := resources.Look(t.Context(), files, bridge.Resource{})
			if err != nil || len(found.Issuers) != 1 || found.Issuers[0] != issuer {
				t.Fatalf("found %v: %v", found, err)
			}
			if asked := world.asked(); len(asked) != calls {
				t.Errorf("asked %v", asked)
			}
			found.Issuers[0], found.Supported[0] = "https://spoilt.example", "spoilt" // what others are told is theirs
		}
		look(2, "https://a.example")
		world.set("GET "+filesPlace, answer{Status: 200, JSON: []byte(`{"resource":"` + files + `","authorization_servers":["https://b.example"],"scopes_supported":["x"]}`)})
		after(resourceLife - 1)
		look(0, "https://a.example")
		after(1)
		look(2, "https://b.example")
	})
}

// TestAnAgentInALoopDoesNotHammerAResource: what came of a look is told again,
// and in ten seconds there is another.
func TestAnAgentInALoopDoesNotHammerAResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &elsewhere{answers: map[string]answer{}}
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		for range 100 {
			_, err := resources.Look(t.Context(), files, bridge.Resource{})
			wantRefusal(t, err, bridge.OutcomeProviderError, "no protected resource metadata")
		}
		if asked := world.asked(); len(asked) != 3 {
			t.Errorf("asked %v", asked)
		}
		world.set("GET "+filesPlace, good().answers["GET "+filesPlace])
		after(resourcePause)
		if _, err := resources.Look(t.Context(), files, bridge.Resource{}); err != nil {
			t.Error(err)
		}
	})
}

// TestAnAgentThatChangesThePathDoesNotHammerAHost: each path is a resource of
// its own.
func TestAnAgentThatChangesThePathDoesNotHammerAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := &elsewhere{answers: map[string]answer{}}
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		look := func(n int) error {
			_, err := resources.Look(t.Context(), fmt.Sprint(files, "/", n), bridge.Resource{})
			return err
		}
		for n := range 20 {
			wantRefusal(t, look(n), bridge.OutcomeProviderError, "no protected resource metadata")
		}
		calls := len(world.asked())
		after(time.Second)
		for n := range 1000 {
			wantFault(t, look(20+n), 9*time.Second, "too often")
		}
		if asked := world.asked(); len(asked) != 0 || calls != 60 {
			t.Errorf("asked %d times, then %v", calls, asked)
		}
		wantRefusal(t, look(0), bridge.OutcomeProviderError, "no protected resource metadata") // is known
		_, err := resources.Look(t.Context(), "https://other.example.com", bridge.Resource{})
		wantRefusal(t, err, bridge.OutcomeProviderError, "no protected resource metadata")
		after(resourcePause - time.Second)
		wantRefusal(t, look(2000), bridge.OutcomeProviderError, "no protected resource metadata")
	})
}

func TestOneLookServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := good()
		held := make(chan struct{})
		world.before = func(r *http.Request) error {
			select {
			case <-held:
				return nil
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
		hasty, giveUp := context.WithCancel(t.Context())
		var everybody sync.WaitGroup
		everybody.Go(func() {
			if _, err := resources.Look(hasty, files, bridge.Resource{}); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			everybody.Go(func() {
				if _, err := resources.Look(t.Context(), files, bridge.Resource{}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		synctest.Wait()
		close(held)
		everybody.Wait()
		if asked := world.asked(); len(asked) != 2 {
			t.Errorf("asked %v", asked)
		}
	})
}

// TestWhatAParentSaidIsForgottenWithThePermission: an operator who takes
// resource_match: parent away is heard at once.
func TestWhatAParentSaidIsForgottenWithThePermission(t *testing.T) {
	world := &elsewhere{answers: map[string]answer{"GET " + filesPlace: {
		Status: 200, JSON: []byte(`{"resource":"https://mcp.example.com","authorization_servers":["https://a.example"]}`),
	}}}
	resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
	if _, err := resources.Look(t.Context(), files, bridge.Resource{Parent: true}); err != nil {
		t.Error(err)
	}
	_, err := resources.Look(t.Context(), files, bridge.Resource{})
	wantRefusal(t, err, bridge.OutcomeProviderError, "resource_match: parent")
}

// TestResourcesThatMayNotBeCalled: an agent names what is inside.
func TestResourcesThatMayNotBeCalled(t *testing.T) {
	world := &elsewhere{answers: map[string]answer{}}
	resources := oauth.NewResources(oauth.ResourcesConfig{Client: &http.Client{Transport: world}})
	for _, inside := range []string{"https://169.254.169.254", "https://10.0.0.1/mcp", "https://[::ffff:10.0.0.1]", "http://127.0.0.1:8080", "http://localhost", "https://127.0.0.1"} {
		_, err := resources.Look(t.Context(), inside, bridge.Resource{})
		wantRefusal(t, err, bridge.OutcomeProviderError, "not to be called")
	}
	if asked := world.asked(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

// TestCheck12NoRedirectLeavesTLS, not even to loopback where http is allowed
// there: an answer could be anybody's from then on.
func TestCheck12NoRedirectLeavesTLS(t *testing.T) {
	const plain, local = "http://127.0.0.1:8080/m", "http://127.0.0.1:9090"
	world := good()
	world.set("GET "+plain, world.answers["GET "+filesPlace])
	world.set("GET "+filesPlace, answer{Status: 302, Location: plain})
	world.set("GET "+local+"/.well-known/oauth-protected-resource", answer{Status: 302, Location: "http://127.0.0.1:9090/m"})
	world.set("GET "+local+"/m", answer{Status: 200, JSON: []byte(`{"resource":"` + local + `","authorization_servers":["https://a.example"]}`)})
	resources := oauth.NewResources(oauth.ResourcesConfig{
		Network: oauth.NetworkPolicy{AllowHTTPLoopback: true}, Client: &http.Client{Transport: world},
	})
	_, err := resources.Look(t.Context(), files, bridge.Resource{})
	wantRefusal(t, err, bridge.OutcomeProviderError, "from https to something else")
	if asked := world.asked(); len(asked) != 3 {
		t.Errorf("asked %v", asked)
	}
	if _, err := resources.Look(t.Context(), local, bridge.Resource{}); err != nil {
		t.Errorf("from http to http: %v", err)
	}
}
