package oauthtest

import "slices"

// Family is all tokens that came of one grant, and what became of them.
type Family struct {
	Account Account
	Scopes  []string

	Issued    []string       // every token, oldest first
	Honoured  []string       // the refresh tokens that would be honoured now, oldest first
	Uses      map[string]int // how often each refresh token was presented, however it was answered
	Refreshes int            // how many refreshes made new tokens
	Reused    bool           // a spent refresh token came back, and all of the family ended

	Revoked   []string // what the client revoked, in its order
	UsedAfter []string // what was presented after that, in its order
}

// family is what is behind a Family.
type family struct {
	client    string
	account   Account
	scopes    []string
	resource  string
	details   string
	issued    []string
	refreshes int
	reused    bool
	revoked   []string
	usedAfter []string
}

// Families returns the grants so far, oldest first.
func (i *Issuer) Families() []Family {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []Family
	for _, f := range i.families {
		all = append(all, i.show(f))
	}
	return all
}

// FamilyOf returns the grant that a token came of.
func (i *Issuer) FamilyOf(text string) (Family, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.tokens[text]
	if t == nil {
		return Family{}, false
	}
	return i.show(t.family), true
}

// show needs the lock.
func (i *Issuer) show(f *family) Family {
	shown := Family{
		Account: f.account, Scopes: slices.Clone(f.scopes),
		Issued: slices.Clone(f.issued), Uses: map[string]int{}, Refreshes: f.refreshes, Reused: f.reused,
		Revoked: slices.Clone(f.revoked), UsedAfter: slices.Clone(f.usedAfter),
	}
	for _, text := range f.issued {
		t := i.tokens[text]
		if t.kind != "refresh_token" {
			continue
		}
		shown.Uses[text] = t.uses
		if i.live(text) != nil {
			shown.Honoured = append(shown.Honoured, text)
		}
	}
	return shown
}

// noteUse writes down that a token was presented. It needs the lock.
func (i *Issuer) noteUse(text string) {
	t := i.tokens[text]
	if t == nil {
		return
	}
	t.uses++
	if t.revoked {
		t.family.usedAfter = append(t.family.usedAfter, text)
	}
}

// revoke ends a token: an access token alone, and with a refresh token all
// others of its family, so that nobody refreshes any more (RFC 7009, section
// 2.1). Access tokens live on until they are revoked themselves, as with
// providers that keep no list of them. It needs the lock.
func (i *Issuer) revoke(text string, t *token) {
	f := t.family
	f.revoked = append(f.revoked, text)
	t.revoked = true
	if t.kind != "refresh_token" {
		return
	}
	for _, other := range f.issued {
		if o := i.tokens[other]; o.kind == "refresh_token" {
			o.revoked = true
		}
	}
}
