package profile

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Key is something that profiles have the configuration say about a provider,
// besides what every provider has.
type Key struct {
	Name    string
	Form    Form
	Means   string // one sentence, as the reference has it
	Example string
	Any     bool // every provider may have it, whatever its profile
}

// Form is what the value of a key looks like.
type Form string

// The forms.
const (
	FormHost Form = "a host name"                // a port may follow
	FormWord Form = "letters, digits, - _ and ." // a part of a path or of a host name
	FormUUID Form = "a UUID"
	FormURL  Form = "an https URL"
	FormText Form = "a short text" // for people
)

// Keys returns all keys of all profiles, in the order in which they are listed.
func Keys() []Key {
	return []Key{
		{"host", FormHost, "The host of your own instance.", "login.example.com", false},
		{"tenant", FormUUID, "Your tenant's id, not one of its domains.", "8f1c3b52-2a0e-4f1d-9f0a-6c1f0d0c7e11", false},
		{"app_name", FormText, "What the app is called there, for cards that say what a token of it may do.", `"Example Bridge"`, true},
	}
}

var (
	hostForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	wordForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_])?$`)
)

// Fits reports whether a text has the form, so that it cannot change what is
// around the place that it fills.
func (f Form) Fits(text string) bool {
	switch f {
	case FormHost:
		return len(text) <= 253 && hostForm.MatchString(text) && !strings.Contains(text, "..")
	case FormWord:
		return wordForm.MatchString(text) && !strings.Contains(text, "..")
	case FormUUID:
		return uuidForm.MatchString(text)
	case FormURL:
		u, err := url.Parse(text)
		return err == nil && u.Scheme == "https" && hostForm.MatchString(u.Host) && u.User == nil && len(text) <= 512 && !strings.ContainsAny(text, "{} ")
	case FormText:
		return text != "" && len(text) <= 80 && !strings.ContainsAny(text, "{}\n\r")
	}
	return false
}

// Fault is what is wrong with one key of a provider.
type Fault struct {
	Key  string
	What string
	Hint string
}

// Error returns the fault in words.
func (f Fault) Error() string { return f.Key + ": " + f.What }

// place is where the value of a key comes in.
var place = regexp.MustCompile(`\{([a-z_]+)\}`)

// Keys returns the keys that have to be given where the configuration does not
// name the issuer, in the order of [Keys].
func (p Profile) Keys() []Key {
	needs := p.Needs(false)
	return slices.DeleteFunc(Keys(), func(k Key) bool { return !slices.Contains(needs, k.Name) })
}

// Needs returns the names of the keys that have to be given, in the order of
// [Keys]. Where issuer says that the configuration names the issuer itself,
// those that only make one are not among them.
func (p Profile) Needs(issuer bool) []string {
	if issuer {
		p.Issuer = ""
	}
	var needs []string
	for _, key := range Keys() {
		if slices.Contains(p.places(), key.Name) {
			needs = append(needs, key.Name)
		}
	}
	return needs
}

// places lists what all texts of the profile leave open.
func (p Profile) places() []string {
	var found []string
	p.each(func(text string) string {
		for _, open := range place.FindAllStringSubmatch(text, -1) {
			found = append(found, open[1])
		}
		return text
	})
	return found
}

// With returns the profile with its places filled in. issuer is what the
// configuration says of it, "" = nothing; given are the values of keys. It
// reports all faults at once: a key that is needed and missing, that the
// profile does not take, or whose value has not its form.
func (p Profile) With(issuer string, given map[string]string) (Profile, []Fault) {
	faults := p.faults(issuer, given)
	if len(faults) > 0 {
		return Profile{}, faults
	}
	if issuer != "" {
		p.Issuer = issuer
	}
	p.each(func(text string) string {
		return place.ReplaceAllStringFunc(text, func(open string) string { return cmp.Or(given[strings.Trim(open, "{}")], open) })
	})
	return p, nil
}

func (p Profile) faults(issuer string, given map[string]string) []Fault {
	var faults []Fault
	add := func(key, what, hint string) { faults = append(faults, Fault{key, what, hint}) }
	needs, open := p.Needs(issuer != ""), p.Needs(false)
	switch {
	case issuer == "" && p.Issuer == "":
		add("issuer", "has no issuer", "issuer: https://login.example.com")
	case issuer != "" && p.Issuer != "" && !p.Movable():
		add("issuer", "the profile "+p.Name+" has its own issuer, "+p.Issuer, "remove it")
	}
	for _, key := range Keys() {
		value, is := given[key.Name]
		switch {
		case is && !key.Any && !slices.Contains(open, key.Name):
			add(key.Name, "the profile "+p.named()+" does not take it", "remove it")
		case is && !key.Form.Fits(value):
			add(key.Name, "not "+string(key.Form), "such as "+key.Example)
		case !is && slices.Contains(needs, key.Name):
			add(key.Name, fmt.Sprintf("has no %s, which the profile %s needs", key.Name, p.Name), key.Name+": "+key.Example)
		}
	}
	return faults
}

func (p Profile) named() string {
	if p.Name == "" {
		return Generic
	}
	return p.Name
}

// Movable reports whether the configuration may name the issuer itself: not
// where its endpoints are known beforehand, since they would not move with it.
func (p Profile) Movable() bool { return !p.Fixed && p.Endpoints == Endpoints{} }

// each has every text that may have places in it replaced, in the profile and
// not in what it was copied from.
func (p *Profile) each(fill func(string) string) {
	for _, text := range []*string{
		&p.Issuer, &p.Endpoints.Device, &p.Endpoints.Token, &p.Endpoints.Revocation, &p.Endpoints.Userinfo, &p.Endpoints.Keys,
		&p.Revocation.Delete, &p.Account.URL, &p.Widens,
	} {
		*text = fill(*text)
	}
	p.Hosts = slices.Clone(p.Hosts)
	for i := range p.Hosts {
		p.Hosts[i] = fill(p.Hosts[i])
	}
	if p.Parameters == nil {
		return
	}
	filled := make(map[string]string, len(p.Parameters))
	for name, value := range p.Parameters {
		filled[name] = fill(value)
	}
	p.Parameters = filled
}
