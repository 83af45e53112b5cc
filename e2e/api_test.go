package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/authbridge/authbridge/api"
)

// ask is the least that an agent has to send.
const ask = `{"provider":"corp","scopes":["files.read"]}`

func TestAskJoinAndCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	first := w.http("POST", "/v1/requests", ask).wants(t, http.StatusCreated)
	r := decode[api.Request](t, first)
	if r.State != api.Asked || first.header.Get("Location") != "/v1/requests/"+r.ID || r.Human != "alice" {
		t.Errorf("asked: %+v at %q", r, first.header.Get("Location"))
	}
	again := decode[api.Request](t, w.http("POST", "/v1/requests", ask).wants(t, http.StatusOK))
	if again.ID != r.ID {
		t.Error("the same ask made another request")
	}
	for name, other := range map[string]string{
		"session": `{"provider":"corp","scopes":["files.read"],"session":"s2"}`,
		"scopes":  `{"provider":"corp","scopes":["files.write"]}`,
	} {
		if o := decode[api.Request](t, w.http("POST", "/v1/requests", other).wants(t, http.StatusCreated)); o.ID == r.ID {
			t.Errorf("another %s joined", name)
		}
	}
	gone := decode[api.Request](t, w.http("DELETE", "/v1/requests/"+r.ID, "").wants(t, http.StatusOK))
	if gone.State != api.Cancelled || gone.Outcome == nil || gone.Outcome.Code != api.OutcomeCancelled {
		t.Errorf("cancelled: %+v", gone)
	}
	w.http("DELETE", "/v1/requests/"+r.ID, "").wants(t, http.StatusOK) // is as it is
	w.http("POST", "/v1/requests/"+r.ID+"/token", "").problem(t, api.ProblemGone)
}

// TestAnswersHaveTheMembersOfTheContract, all of them and no others.
func TestAnswersHaveTheMembersOfTheContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	alice := w.human("alice")
	body := `{"provider":"corp","scopes":["files.read"],"human":"alice","reason":"why","context":["a","b"],"session":"s",
		"min_validity":"30s","ttl":"1h","fresh":true,"origin":{"platform":"slack","channel":"C0WORK"}}`
	asked := w.http("POST", "/v1/requests", body).wants(t, http.StatusCreated)
	members(t, asked, "id state version agent session human team claimed provider issuer resource scopes authorization_details reason check_phrase "+
		"created_at updated_at expires_at code_expires_at delivery outcome grant renews")
	id := decode[api.Request](t, asked).ID
	c := alice.card(id)
	for _, words := range []string{"The agent says (not checked)", "why", "a", "b"} {
		if !strings.Contains(c.text, words) {
			t.Errorf("the card does not say %q: %s", words, c.text)
		}
	}
	w.becomes(id, api.Asked)
	w.grant(alice, id)
	token := w.http("POST", "/v1/requests/"+id+"/token", "").wants(t, http.StatusOK)
	members(t, token, "access_token token_type expires_at scopes authorization_details issuer resource account human grant")
	if token.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a token may be cached: %q", token.header.Get("Cache-Control"))
	}
	got := decode[api.Token](t, token)
	if got.ExpiresAt == nil || got.Account != "alice@example.com" || got.Issuer != w.provider.Issuer() || !strings.HasPrefix(got.Grant, "grt_") {
		t.Errorf("token: %+v, expires %v, of %s", got, got.ExpiresAt, got.Account)
	}
	members(t, w.http("GET", "/v1/requests", "").wants(t, http.StatusOK), "items next_cursor")
	members(t, w.http("GET", "/v1/whoami", "").wants(t, http.StatusOK), "agent uid by owner where may teams providers")
}

// members fails the test unless an answer is an object with just these.
func members(t *testing.T, a answer, want string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(decode[map[string]any](t, a)))
	if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(want))), got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestWhoamiSaysWhatAnAgentMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	who := decode[api.Whoami](t, w.http("GET", "/v1/whoami", "").wants(t, http.StatusOK))
	want := api.Whoami{
		Agent: "helper", UID: new(uint32(os.Getuid())), By: api.ByUID, Owner: "alice", Where: "the test bench", Teams: []string{}, Providers: []string{"corp"},
		May: []api.May{{
			Provider: "corp", Scopes: []string{"files.*"}, DefaultScopes: []string{}, AuthorizationDetails: []string{}, Ask: []string{"alice", "bob"},
			Reuse: api.Duration(8 * time.Hour), Code: api.CodeOnClick, Binding: api.BindingShow,
		}},
	}
	if diff := cmp.Diff(want, who); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	first := decode[api.Request](t, w.http("POST", "/v1/requests", ask, "Idempotency-Key", "k1").wants(t, http.StatusCreated))
	w.http("DELETE", "/v1/requests/"+first.ID, "").wants(t, http.StatusOK)
	again := decode[api.Request](t, w.http("POST", "/v1/requests", ask, "Idempotency-Key", "k1").wants(t, http.StatusOK))
	if again.ID != first.ID || again.State != api.Cancelled {
		t.Errorf("the key led to %s, %s", again.ID, again.State)
	}
	other := `{"provider":"corp","scopes":["files.write"]}`
	w.http("POST", "/v1/requests", other, "Idempotency-Key", "k1").problem(t, api.ProblemIdempotencyConflict)
	w.kill()
	w.restart()
	w.http("POST", "/v1/requests", other, "Idempotency-Key", "k1").problem(t, api.ProblemIdempotencyConflict)
}

func TestListAndCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{request: "{max_open_per_human: 10, max_open_per_agent_and_human: 10}"})
	var ids []string
	for i := range 7 {
		ids = append(ids, w.ask(fmt.Sprintf(`"session":"s%d"`, i)).ID)
	}
	w.http("DELETE", "/v1/requests/"+ids[6], "").wants(t, http.StatusOK)
	slices.Reverse(ids)
	if got := w.listed("?limit=3"); !slices.Equal(got, ids) {
		t.Errorf("listed %v, want %v", got, ids)
	}
	if got := w.listed("?limit=2&state=asked,coded"); !slices.Equal(got, ids[1:]) {
		t.Errorf("the open ones: %v, want %v", got, ids[1:])
	}
	if got := w.listed("?state=denied"); len(got) != 0 {
		t.Errorf("nobody has denied, listed %v", got)
	}
	for _, query := range []string{"?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?cursor=", "?state=open", "?other=1", "?limit=1&limit=2"} {
		w.http("GET", "/v1/requests"+query, "").problem(t, api.ProblemInvalidRequest)
	}
}

// listed follows the pages of a list to the end.
func (w *world) listed(query string) (ids []string) {
	w.t.Helper()
	next := ""
	for {
		page := decode[api.RequestPage](w.t, w.http("GET", "/v1/requests"+query+next, "").wants(w.t, http.StatusOK))
		for _, r := range page.Items {
			ids = append(ids, r.ID)
		}
		if page.NextCursor == "" {
			return ids
		}
		next = "&cursor=" + string(page.NextCursor)
	}
}

func TestWaitingForAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	r := w.ask("")
	woken := make(chan answer, 2)
	wait := func(path string) {
		a, err := w.try("GET", path, "")
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		woken <- a
	}
	alice := w.human("alice")
	alice.card(r.ID)
	shown := r
	eventually(t, "the delivery is told", func() bool {
		shown = w.request(r.ID)
		return len(shown.Delivery) == 1 && shown.Delivery[0].State == api.Shown
	})
	if r.Delivery[0].State != api.Waiting || shown.Version <= r.Version {
		t.Errorf("before: %+v, version %d; after: version %d", r.Delivery, r.Version, shown.Version)
	}
	go wait(fmt.Sprintf("/v1/requests/%s?after=%d&wait=60", r.ID, shown.Version))
	go wait("/v1/requests/" + r.ID + "?wait=60")
	select {
	case a := <-woken:
		t.Fatalf("woken by nothing: %s", a.body)
	case <-time.After(300 * time.Millisecond): // nothing happens, and that can only be seen by waiting
	}
	alice.press(r.ID, "Deny")
	for range 2 {
		select {
		case a := <-woken:
			if got := decode[api.Request](t, a.wants(t, http.StatusOK)); got.State != api.Denied {
				t.Errorf("woken as %s", got.State)
			}
		case <-time.After(patience):
			t.Fatal("nobody was woken")
		}
	}
	for _, query := range []string{"?wait=61", "?wait=-1", "?wait=x", "?after=x", "?after=-1", "?wait=1&wait=2", "?x=1"} {
		w.http("GET", "/v1/requests/"+r.ID+query, "").problem(t, api.ProblemInvalidRequest)
	}
}

func TestTokenInOneCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	parked := w.http("POST", "/v1/token", ask, "Prefer", "wait=0").wants(t, http.StatusAccepted)
	p := decode[api.Parked](t, parked)
	if parked.header.Get("Location") != "/v1/requests/"+p.ID || p.State != api.Asked || !strings.Contains(p.Detail, "do not ask again") {
		t.Errorf("parked at %q: %s", parked.header.Get("Location"), parked.body)
	}
	answered := make(chan answer, 1)
	go func() {
		a, err := w.try("POST", "/v1/token", ask, "Prefer", "wait=60")
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	newPerson(t).allow(w.human("alice").showCode(p.ID), "alice")
	token := decode[api.Token](t, (<-answered).wants(t, http.StatusOK))
	again := decode[api.Token](t, w.http("POST", "/v1/token", ask).wants(t, http.StatusOK))
	if token.AccessToken == "" || again.AccessToken != token.AccessToken || again.Grant != token.Grant {
		t.Error("the grant did not answer the second call")
	}
	if again := w.collect(p.ID); again.AccessToken != token.AccessToken {
		t.Error("within the grace another token was collected")
	}
	denied := w.http("POST", "/v1/token", `{"provider":"corp","scopes":["files.write"]}`, "Prefer", "wait=0").wants(t, http.StatusAccepted)
	id := decode[api.Parked](t, denied).ID
	go func() { w.try("DELETE", "/v1/requests/"+id, "") }() //nolint:errcheck // what comes of it is seen below
	w.http("POST", "/v1/token", `{"provider":"corp","scopes":["files.write"]}`, "Prefer", "wait=1")
	w.ends(id, api.Cancelled, api.OutcomeCancelled)
	w.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemGone)
	if w.provider.count("token_issued") != 1 {
		t.Error("more than one token was issued")
	}
}

func TestWhomAnAskNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{edit: replace("bob: {email: bob@example.com}", `bob: {email: bob@example.com, slack: U024BE7LH, discord: "80351110224678912"}`)})
	for i, name := range []string{"bob", "bob@example.com", "slack:U024BE7LH", "discord:80351110224678912"} {
		r := w.ask(fmt.Sprintf(`"human":%q`, name))
		if r.Human != "bob" {
			t.Errorf("%s is %s", name, r.Human)
		}
		if page := w.listed("?state=asked"); len(page) != 1 {
			t.Errorf("ask %d did not join: %v", i, page)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := status(t, "http://"+w.bridge.at("ops")+path); got != http.StatusOK {
			t.Errorf("%s: %d", path, got)
		}
		reached(t, route, "GET "+path)
	}
	if got := status(t, w.bridge.inbox()+"/"); got != http.StatusOK {
		t.Errorf("the inbox: %d", got)
	}
	reached(t, route, "GET /")
}

// TestWhoWaitsIsAnsweredWhenTheBridgeStops, with the request as it is.
func TestWhoWaitsIsAnsweredWhenTheBridgeStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	r := w.ask("")
	waiting, err := new(net.Dialer).DialContext(t.Context(), "unix", w.agentSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = waiting.Close() }()
	if _, err := io.WriteString(waiting, "GET /v1/requests/"+r.ID+"?after=1&wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	command := w.start("wait", r.ID)
	command.says("asked alice") // so the call before has long arrived
	w.stop()
	resp, err := http.ReadResponse(bufio.NewReader(waiting), nil)
	if err != nil {
		t.Fatalf("who waits is not answered: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if got := decode[api.Request](t, answer{resp.StatusCode, resp.Header, body}.wants(t, http.StatusOK)); err != nil || got.State != api.Asked {
		t.Errorf("who waited was told %s, %v", got.State, err)
	}
	// The command waits on, for a bridge that comes back.
	w.restart()
	w.http("DELETE", "/v1/requests/"+r.ID, "").wants(t, http.StatusOK)
	command.wait().wants(t, 4)
}

// TestADamagedSecret: what cannot be opened is a fault of the bridge, told
// without its insides and found in the log by its reference.
func TestADamagedSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	id := w.ask("").ID
	w.grant(w.human("alice"), id)
	w.stop()
	w.spoilSecrets()
	w.restart()
	p := w.http("POST", "/v1/requests/"+id+"/token", "").problem(t, api.ProblemInternal)
	eventually(t, "the log says why under the reference", func() bool {
		return p.Reference != "" && strings.Contains(w.bridge.log.String(), p.Reference)
	})
	w.cli("wait", id).wants(t, 1, "authbridge: internal")
}

// spoilSecrets changes one bit of everything that is sealed.
func (w *world) spoilSecrets() {
	w.t.Helper()
	db, err := bbolt.Open(filepath.Join(w.dir, "state", "authbridge.db"), 0o600, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	spoilt := 0
	err = db.Update(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket([]byte("secret"))
		all := map[string][]byte{}
		if err := sealed.ForEach(func(k, v []byte) error { all[string(k)] = bytes.Clone(v); return nil }); err != nil {
			return err
		}
		for k, v := range all {
			v[len(v)-1] ^= 1
			if err := sealed.Put([]byte(k), v); err != nil {
				return err
			}
			spoilt++
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil || spoilt == 0 {
		w.t.Fatalf("spoilt %d secrets, error %v", spoilt, err)
	}
}
