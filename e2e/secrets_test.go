package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/authbridge/authbridge/e2e/canary"
)

// The kinds of secrets.
const (
	clientSecret  = "the client's secret"
	deviceCode    = "a device code"
	userCode      = "a user code"
	accessToken   = "an access token"
	refreshToken  = "a refresh token"
	idToken       = "an id_token"
	linkSecret    = "the secret of a link to the inbox"
	sessionSecret = "the secret of a session"
	sealKey       = "the seal key"
	agentKey      = "the key of an agent"
)

// secrets are what must not be told in this world, and all that was said in
// it: at the end of a test the one is looked for in the other.
type secrets struct {
	mu   sync.Mutex
	kind map[string]string          // of each secret
	once map[[sha256.Size]byte]bool // what was said, so that it is kept once
	said map[string]*canary.Source  // by name and what may be in it
}

func newSecrets() *secrets {
	return &secrets{kind: map[string]string{}, once: map[[sha256.Size]byte]bool{}, said: map[string]*canary.Source{}}
}

// secret notes what must never be told, and returns it.
func (w *world) secret(text, kind string) string {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	if text != "" {
		w.known.kind[text] = kind
	}
	return text
}

// heard keeps what somebody was told, with the kinds of secrets that they are
// meant to be told.
func (w *world) heard(source, text string, may ...string) {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	key := source + " with " + strings.Join(may, ", ")
	once := sha256.Sum256([]byte(key + text))
	if w.known.once[once] {
		return
	}
	w.known.once[once] = true
	s := w.known.said[key]
	if s == nil {
		s = &canary.Source{Name: source, May: may}
		w.known.said[key] = s
	}
	s.Text = append(append(s.Text, text...), '\n')
}

// heardAnswer keeps an answer with its headers.
func (w *world) heardAnswer(source string, status int, header http.Header, body []byte, may ...string) {
	var b strings.Builder
	fmt.Fprintln(&b, status)
	_ = header.Write(&b)
	b.Write(body)
	w.heard(source, b.String(), may...)
}

// ownWords are the kinds of the secrets that a caller says itself: it may be
// told them in the answer, and nobody else may.
func (w *world) ownWords(path, body string, headers ...string) (kinds []string) {
	plain, _ := url.PathUnescape(path)
	said := plain + "\n" + body + "\n" + strings.Join(headers, "\n")
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	for text, kind := range w.known.kind {
		if strings.Contains(said, text) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// heardFiles keeps what lies on the disk now: a store's file, and whatever
// the programs have left beside it or where temporary files go.
func (w *world) heardFiles() {
	_ = filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // a bridge that never started has stored nothing
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // a file that was just taken away
		}
		name, _ := filepath.Rel(w.dir, path)
		if filepath.Ext(path) == ".key" {
			w.learnKey(text)
			w.heard(name, string(text), sealKey)
			return nil
		}
		w.heard(name, string(text))
		return nil
	})
}

// learnKey notes the keys of a keyset in Tink's JSON.
func (w *world) learnKey(keyset []byte) {
	var set struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	if json.Unmarshal(keyset, &set) != nil {
		return
	}
	for _, one := range set.Key {
		w.secret(one.KeyData.Value, sealKey)
		if raw, err := base64.StdEncoding.DecodeString(one.KeyData.Value); err == nil {
			w.secret(string(raw[max(0, len(raw)-32):]), sealKey) // the key itself ends the message
		}
	}
}

// learnFromProvider takes in the secrets that only the provider and the bridge
// have seen.
func (w *world) learnFromProvider() {
	if w.provider == nil {
		return
	}
	for name, kind := range map[string]string{
		"device_code": deviceCode, "user_code": userCode, "access_token": accessToken, "refresh_token": refreshToken, "id_token": idToken,
	} {
		for _, text := range w.provider.said(name) {
			w.secret(text, kind)
		}
	}
}

// scanner looks for all secrets that are known by now.
func (w *world) scanner() *canary.Scanner {
	w.t.Helper()
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	var all []canary.Secret
	for text, kind := range w.known.kind {
		all = append(all, canary.Secret{Kind: kind, Text: text})
		if plain := strings.ReplaceAll(text, "-", ""); kind == userCode && plain != text {
			all = append(all, canary.Secret{Kind: kind, Text: plain})
		}
	}
	s, err := canary.NewScanner(all...)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// sources is all that was said so far.
func (w *world) sources() []canary.Source {
	w.known.mu.Lock()
	defer w.known.mu.Unlock()
	var all []canary.Source
	for _, s := range w.known.said {
		all = append(all, *s)
	}
	for n, b := range w.logs {
		all = append(all,
			canary.Source{Name: fmt.Sprintf("the log of life %d", n+1), Text: []byte(b.log.String())},
			canary.Source{Name: fmt.Sprintf("standard output of life %d", n+1), Text: []byte(b.out.String())})
	}
	return all
}

// told lists the kinds of the secrets that a text tells.
func (w *world) told(text string) (kinds []string) {
	w.t.Helper()
	for _, f := range w.scanner().Find(canary.Source{Name: "the text", Text: []byte(text)}) {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

// checkSecrets fails the test for every secret that was told.
func (w *world) checkSecrets() {
	w.t.Helper()
	w.heardFiles()
	w.learnFromProvider()
	for _, f := range w.scanner().Find(w.sources()...) {
		w.t.Error(f)
	}
}
