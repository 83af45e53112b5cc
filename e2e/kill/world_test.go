package kill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/bridge/bridgetest"
	"github.com/authbridge/authbridge/oauth/oauthtest"
	"github.com/authbridge/authbridge/store"
	"github.com/authbridge/authbridge/store/bolt"
)

// corpSecret is the bridge's own secret at the provider.
const corpSecret = "corp-secret-3b1f9a"

// world is a bridge that is killed and started again, and all that is around
// it.
type world struct {
	t         *testing.T
	n         int
	rng       *rand.Rand
	tally     *tally
	rec       *record
	provider  *provider
	dir, run  string
	bridge    *life
	human     atomic.Pointer[human]
	askings   []*asking
	logs      []*journal
	calmUntil time.Time       // nobody is killed any more, and all has to end until then; zero = not yet
	left      map[string]fact // the last that was stored of each request
}

func newWorld(t *testing.T, n int, seed uint64, c *tally) *world {
	w := emptyWorld(t, n, seed, c)
	w.provider = newProvider(t, w.rec, oauthtest.Settings{})
	w.provider.late = w.denyLate
	w.configure("openid, email")
	return w
}

// emptyWorld has no provider yet.
func emptyWorld(t *testing.T, n int, seed uint64, c *tally) *world {
	w := &world{
		t: t, n: n, rng: rand.New(rand.NewPCG(seed, uint64(n))), tally: c, rec: newRecord(),
		dir: t.TempDir(), left: map[string]fact{},
	}
	run, err := os.MkdirTemp("", "ab") // the paths of sockets have to be short
	if err != nil {
		t.Fatal(err)
	}
	w.run = run
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	t.Cleanup(func() {
		if w.bridge != nil {
			_ = w.bridge.cmd.Process.Kill()
			<-w.bridge.dead
		}
	})
	return w
}

// grace is for how long an agent may fetch the same token again.
const grace = 60 * time.Second

// configure writes the configuration, with the bridge's own scopes at the
// provider.
func (w *world) configure(scopes string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "authbridge.yaml"), []byte(w.configuration(scopes)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) configuration(scopes string) string {
	return fmt.Sprintf(`state_dir: %s
listen: {socket: %s, admin: %s, web: "127.0.0.1:0", ops: "127.0.0.1:0"}
network: {allow_http_loopback: true}
request: {max_open_per_human: 100, max_open_per_agent_and_human: 100, collect_grace: %s}
providers:
  corp: {issuer: %q, client_id: authbridge, client_secret: "env:CORP_SECRET", scopes: [%s]}
humans:
  alice: {email: alice@example.com}
agents:
  helper: {uid: %d, owner: alice, may: [{provider: corp, scopes: ["files.*"], ask: [alice]}]}
`, w.state(), w.agentSocket(), w.adminSocket(), grace, w.provider.URL(), scopes, os.Getuid())
}

func (w *world) state() string       { return filepath.Join(w.dir, "state") }
func (w *world) storePath() string   { return storeIn(w.state()) }
func (w *world) agentSocket() string { return filepath.Join(w.run, "agent.sock") }
func (w *world) adminSocket() string { return filepath.Join(w.run, "admin.sock") }

func (w *world) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TZ=UTC",
		"CORP_SECRET=" + corpSecret, "AUTHBRIDGE_CONFIG=" + filepath.Join(w.dir, "authbridge.yaml"),
	}
}

// begin starts a life: the bridge, the human at the page, and a look at every
// request that there is.
func (w *world) begin() {
	w.rec.nextLife()
	w.bridge = start(w.t, w)
	w.logs = append(w.logs, w.bridge.log)
	w.human.Store(signIn(w.t, w))
	w.lookUp()
	w.rec.add(fact{what: armed})
}

// act has the agents and the human act until the bridge dies or all is over.
// The returned function waits for that.
func (w *world) act() (wait func()) {
	var acting sync.WaitGroup
	acting.Go(w.human.Load().look)
	for _, a := range w.askings {
		if !a.over() {
			acting.Go(func() { a.run(w) })
		}
	}
	return acting.Wait
}

// round is one life that ends with a kill at a moment of the plan.
func (w *world) round(a aim) {
	w.enrol(a)
	w.begin()
	t := newTrap(a, w.bridge.commits, w.bridge.dead)
	w.rec.arm(t)
	wait := w.act()
	t.wait(w.rng, longestLife)
	w.rec.add(fact{what: killed})
	w.bridge.kill(w.t)
	wait()
	w.drain()
	w.autopsy()
	w.verify(false)
	w.tally.count(hits(w.rec.all(), w.rec.life))
}

// longestLife is how long a round waits for what it aims at: a request needs
// about two seconds from the asking to the token.
const longestLife = 5 * time.Second

// quietLasts is by when everything has come to its end, if nobody is killed: a
// code that was slowed down twice is polled every quarter of a minute.
const quietLasts = 90 * time.Second

func (w *world) patienceOver() bool { return !w.calmUntil.IsZero() && time.Now().After(w.calmUntil) }

// quiet is the last life: everything comes to its end, and nobody is killed.
func (w *world) quiet() {
	w.calmUntil = time.Now().Add(quietLasts)
	w.begin()
	w.act()()
	w.await("every token to be released, revoked or lost", 200*time.Millisecond, func() bool {
		return len(check(w.rec.all(), measure(), true)) == 0
	})
	w.bridge.stop(w.t)
	w.rec.add(fact{what: stopped})
	w.drain()
	w.autopsy()
	w.verify(true)
}

// await waits for what the bridge does by itself. If it does not come, the
// check that follows says what is missing.
func (w *world) await(what string, every time.Duration, holds func() bool) {
	deadline, again := time.After(patience), time.NewTicker(every)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline:
			w.t.Logf("still waiting for %s after %s", what, patience)
			return
		}
	}
}

// drain waits until the provider has answered all that the dead bridge had
// sent: what it still saw belongs to the life that is over.
func (w *world) drain() {
	ctx := context.WithoutCancel(w.t.Context())
	w.await("the provider's last answer", 5*time.Millisecond, func() bool { return w.provider.drained(ctx) })
}

// verify fails the test if the record shows anything broken.
func (w *world) verify(final bool) {
	w.t.Helper()
	facts := w.rec.all()
	broken := check(facts, measure(), final)
	for _, v := range broken {
		w.t.Errorf("world %d, life %d: %s\n%s", w.n, w.rec.life, v, story(facts, v.ask))
	}
	for n, log := range w.logs {
		if log.crashed() {
			w.t.Errorf("the bridge broke down in life %d:\n%s", n+1, log)
		}
	}
	if len(broken) > 0 {
		w.t.FailNow()
	}
}

func measure() limits {
	return limits{
		grace: grace, commit: 4 * time.Second, start: 30 * time.Second, inFlight: 2 * time.Second,
		transitions: tableOfStates(),
	}
}

// story is the record of one asking, for the reader of a failure. Secrets are
// cut.
func story(facts []fact, ask string) string {
	cut := func(s string) string { return s[:min(len(s), 20)] }
	var b strings.Builder
	for _, f := range facts {
		if f.ask == ask || f.what == killed || f.what == ready {
			fmt.Fprintf(&b, "  %10s life %d %-12s %s %s v%d %s minting=%t device=%s token=%s answer=%s early=%t interval=%s %s\n",
				f.at.Round(10*time.Microsecond), f.life, f.what, f.id, f.state, f.version, f.outcome, f.minting,
				cut(f.device), cut(f.token), f.answer, f.early, f.interval, f.note)
		}
	}
	return b.String()
}

// autopsy reads what the dead bridge has left on the disk. It opens a copy, so
// that the next bridge finds what the kill left and not what we mended.
func (w *world) autopsy() {
	w.t.Helper()
	w.files()
	copied := filepath.Join(w.dir, "copy")
	if err := os.MkdirAll(copied, 0o700); err != nil {
		w.t.Fatal(err)
	}
	copyFile(w.t, w.storePath(), storeIn(copied))
	ctx := context.WithoutCancel(w.t.Context())
	s, err := store.Open(ctx, store.Options{StateDir: copied, SealPath: filepath.Join(w.state(), "seal.key")}, bolt.Backend())
	if err != nil {
		w.t.Fatalf("world %d: what life %d left cannot be opened: %v", w.n, w.rec.life, err)
	}
	defer func() { _ = s.Close() }()
	if err := s.View(ctx, w.read); err != nil {
		w.t.Fatalf("world %d: what life %d left cannot be read: %v", w.n, w.rec.life, err)
	}
}

// files notes what lies in the state directory beside the store and its key.
func (w *world) files() {
	entries, err := os.ReadDir(w.state())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{"authbridge.db", "authbridge.db.life", "authbridge.db.life.new", "seal.key"}, e.Name()) {
			w.rec.add(fact{what: found, note: e.Name()})
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// read notes every request that has changed since the last autopsy or that
// somebody still wants something of, and where the tokens are.
func (w *world) read(tx bridge.ReadTx) error {
	wanted := map[string]bool{}
	for _, a := range w.askings {
		wanted[a.ask] = !a.over()
	}
	ends := map[bridge.RequestID]int{}
	for line, err := range bridgetest.Audit(tx) {
		if err != nil {
			return err
		}
		if line.To.Ended() && !line.From.Ended() {
			ends[line.Request]++
		}
	}
	for r, err := range tx.RequestsOf("helper", "") {
		if err != nil {
			return err
		}
		f, err := w.readRequest(tx, r)
		f.ends = ends[r.ID]
		if err != nil {
			return err
		}
		if last, known := w.left[f.id]; !known || last != f || wanted[f.ask] {
			w.rec.add(f)
			w.left[f.id] = f
			if err := w.readTokens(tx, f, bridge.HeldSecret(r.ID), kept); err != nil {
				return err
			}
			if err := w.readTokens(tx, f, bridge.GrantSecret(r.Grant), kept); err != nil {
				return err
			}
		}
	}
	for v, err := range tx.Revocations() {
		if err != nil {
			return err
		}
		f := w.left[w.idOf(tx, v)]
		for _, kind := range []what{kept, owed} {
			if err := w.readTokens(tx, f, bridge.RevocationSecret(v.ID), kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// idOf finds the request that tokens to be revoked came from.
func (w *world) idOf(tx bridge.ReadTx, v bridge.Revoking) string {
	if v.Request != "" {
		return string(v.Request)
	}
	for r, err := range tx.RequestsOf("helper", "") {
		if err == nil && r.Grant == v.Grant {
			return string(r.ID)
		}
	}
	return ""
}

func (w *world) readRequest(tx bridge.ReadTx, r bridge.Request) (fact, error) {
	f := fact{
		what: stored, ask: r.Scopes[0], id: string(r.ID), state: api.State(r.State), version: r.Version,
		minting: r.Minting, interval: r.Interval,
	}
	for _, s := range r.Surfaces {
		f.delivery += s.Channel + " " + string(s.State)
	}
	if r.Outcome != nil {
		f.outcome = api.OutcomeCode(r.Outcome.Code)
	}
	if r.State != bridge.Coded {
		return f, nil
	}
	code, err := tx.Secret(bridge.CodeSecret(r.ID))
	if err != nil {
		return f, fmt.Errorf("the code of %s: %w", r.ID, err)
	}
	devices, _ := w.provider.given(f.ask)
	for _, device := range devices {
		if strings.Contains(code.Reveal(), device) {
			f.device = device
		}
	}
	return f, nil
}

// readTokens notes which of the tokens of an asking lie under a name.
func (w *world) readTokens(tx bridge.ReadTx, of fact, ref bridge.SecretRef, kind what) error {
	sealed, err := tx.Secret(ref)
	if errors.Is(err, bridge.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the tokens %s: %w", ref, err)
	}
	_, tokens := w.provider.given(of.ask)
	for _, token := range tokens {
		if strings.Contains(sealed.Reveal(), token) {
			w.rec.add(fact{what: kind, ask: of.ask, id: of.id, token: token})
		}
	}
	return nil
}

// checkSecrets looks for secrets in all logs and in all files of the bridge.
func (w *world) checkSecrets() {
	w.t.Helper()
	secrets := append(slices.Clone(w.provider.secrets), corpSecret)
	secrets = append(secrets, w.human.Load().secrets...)
	texts := map[string]string{}
	for n, log := range w.logs {
		texts[fmt.Sprintf("the log of life %d", n+1)] = log.String()
	}
	for _, name := range []string{"authbridge.db", "seal.key"} {
		text, err := os.ReadFile(filepath.Join(w.state(), name))
		if err != nil {
			w.t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for where, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				w.t.Errorf("a secret (%s...) stands in the clear in %s", secret[:4], where)
			}
		}
	}
}
